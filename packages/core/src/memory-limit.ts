import { WaybillError } from "./errors.ts";

const LOOK_MS = 500;

/**
 * Calls `onOver` once, when the process holds more than `bytes` resident; Infinity: never. Answers the function that stops looking.
 * Throws `CONFIG_INVALID` when it holds more already: every start would end at once.
 */
export function watchMemory(bytes: number, onOver: () => void): () => void {
  if (bytes === Infinity) return () => {};
  const now = process.memoryUsage.rss();
  if (now > bytes) {
    throw new WaybillError(
      "CONFIG_INVALID",
      `maxMemoryBytes is ${bytes}, and the process holds ${now} before its first job; give it more`,
    );
  }
  const timer = setInterval(() => {
    if (process.memoryUsage.rss() <= bytes) return;
    clearInterval(timer);
    onOver();
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
