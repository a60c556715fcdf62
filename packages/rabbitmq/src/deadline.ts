import { unavailable } from "./errors.ts";

/** Settles as `work` does, or rejects `BACKEND_UNAVAILABLE` at `until`, on the monotonic clock. */
export async function within<T>(work: Promise<T>, until: number, say: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(say())), Math.max(0, until - performance.now()));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
