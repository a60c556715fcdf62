import { setTimeout as sleep } from "node:timers/promises";

/**
 * Calls `look` again and again, until it returns false or the signal is aborted. The timer does not keep the process alive.
 * `first` resolves after the first call, `ended` after the last one. `look` must not reject.
 */
export function poll(
  look: () => Promise<boolean>,
  intervalMs: number,
  signal: AbortSignal,
): { readonly first: Promise<void>; readonly ended: Promise<void> } {
  const looking = look();
  async function goOn(): Promise<void> {
    let goes = await looking;
    while (goes && !signal.aborted) {
      await sleep(intervalMs, null, { ref: false, signal }).catch(() => null);
      if (!signal.aborted) goes = await look();
    }
  }
  return { first: looking.then(() => undefined), ended: goOn() };
}
