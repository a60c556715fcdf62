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
    const error = new WaybillError("BACKEND_UNAVAILABLE", `the backend did not respond within ${ms} ms`);
    timer = setTimeout(() => reject(error), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
