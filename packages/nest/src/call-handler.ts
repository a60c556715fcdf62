import type { Handler, JobContext } from "@waybill/core";
import { type FoundHandler, moduleRefOf } from "./find-handlers.ts";
import { openScope } from "./job-scope.ts";

type Methods = Readonly<Record<string, (payload: unknown, job: JobContext) => Promise<void> | void>>;

/** The handler as core calls it: on the one instance there is, or on one of this job's own DI context. */
export function callHandler(found: FoundHandler): Handler<unknown> {
  const { wrapper, method } = found;
  if (wrapper.isDependencyTreeStatic() && !wrapper.isTransient) {
    const instance = wrapper.instance as Methods;
    return (payload, job) => instance[method]?.(payload, job);
  }
  const moduleRef = moduleRefOf(found);
  const isDurable = wrapper.isDependencyTreeDurable();
  return async (payload, job) => {
    const contextId = openScope(job, moduleRef, isDurable);
    const instance = await moduleRef.resolve<Methods>(wrapper.token, contextId, { strict: true });
    await instance[method]?.(payload, job);
  };
}
