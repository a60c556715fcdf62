import { WaybillError } from "./errors.ts";

/** Settles as `work` does, or resolves after `ms`; leaves no timer behind to keep the process alive. */
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
export function answeredWithin<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new WaybillError("BACKEND_UNAVAILABLE", `the backend did not answer within ${ms} ms`);
    timer = setTimeout(() => reject(error), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
