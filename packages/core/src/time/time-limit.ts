import { WaybillError } from "../errors.ts";

/** Settles as `work` does, or resolves after `ms`. Leaves no timer that keeps the process alive. */
export function within(work: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    work.then(
      () => {
        clearTimeout(timer);
        return resolve();
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** Settles as `work` does, or rejects `BACKEND_UNAVAILABLE` after `ms`. */
export function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // An error takes longer to make than the timer, so it is not made before it is needed.
    timer = setTimeout(
      () => reject(new WaybillError("BACKEND_UNAVAILABLE", `the backend did not respond within ${ms} ms`)),
      ms,
    );
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
