import { WaybillError } from "../errors.ts";

const LOOK_MS = 500;

/**
 * Calls `onOver` once, when the resident memory of the process has grown past `maxBytes`. Looks twice a second; never with
 * Infinity. Returns a function that stops it. Throws `CONFIG_INVALID` when the process is past `maxBytes` already, because
 * each start would end at once.
 */
export function watchMemory(maxBytes: number, onOver: () => void): () => void {
  if (maxBytes === Infinity) return () => {};
  const now = process.memoryUsage.rss();
  if (now > maxBytes) {
    throw new WaybillError(
      "CONFIG_INVALID",
      `maxMemoryBytes is ${maxBytes}, but the process uses ${now} bytes before its first job; set a higher limit`,
    );
  }
  const timer = setInterval(() => {
    if (process.memoryUsage.rss() <= maxBytes) return;
    clearInterval(timer);
    onOver();
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
