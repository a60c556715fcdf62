import type { JobContext } from "./job-context.ts";

/** Wraps every handler, inside the job's async scope and timeout. An error that it throws counts as the handler's. */
export type Middleware = (job: JobContext, next: () => Promise<void>) => Promise<void>;

/** Combines several middlewares; the first is the outermost. Calling `next` twice rejects with an error. */
export function compose(stack: readonly Middleware[]): Middleware {
  return (job, handler) => {
    const dispatch = async (index: number): Promise<void> => {
      const middleware = stack[index];
      if (middleware === undefined) return handler();
      let called = false;
      return middleware(job, async () => {
        if (called) throw new Error("a middleware called next() twice");
        called = true;
        return dispatch(index + 1);
      });
    };
    return dispatch(0);
  };
}
