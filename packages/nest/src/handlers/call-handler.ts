import type { ExternalContextCreator } from "@nestjs/core";
import type { Handler } from "@waybill/core";
import { enhancedCall, type ScopedEnhancer } from "./enhanced-call.ts";
import type { Enhancer } from "./enhancers.ts";
import { type FoundHandler, type HandlerInstance, moduleRefOf } from "./find-handlers.ts";
import { openScope } from "./job-scope.ts";

/** Nest's enhancers of one handler. */
export interface HandlerEnhancers {
  readonly kinds: ReadonlySet<Enhancer>;
  readonly creator: ExternalContextCreator;
  readonly scoped: readonly ScopedEnhancer[];
}

/**
 * Returns the handler as core calls it: on the application's one instance, or on an instance in the job's own DI context if
 * the provider or an enhancer is request-scoped or transient.
 */
export function callHandler(
  found: FoundHandler,
  { kinds, creator, scoped }: HandlerEnhancers,
): Handler<unknown, unknown> {
  const { wrapper, method } = found;
  const isPlain = kinds.size === 0;
  const toMake = isPlain ? [] : scoped;
  if (wrapper.isDependencyTreeStatic() && !wrapper.isTransient && toMake.length === 0) {
    const instance = wrapper.instance as HandlerInstance;
    if (!isPlain) return enhancedCall(creator, kinds, instance, found);
    return (payload, job) => instance[method]?.(payload, job);
  }
  const moduleRef = moduleRefOf(found);
  const isDurable = wrapper.isDependencyTreeDurable();
  return async (payload, job) => {
    const contextId = openScope(job, moduleRef, isDurable);
    for (const enhancer of toMake) await enhancer.make(contextId);
    const instance = await moduleRef.resolve<HandlerInstance>(wrapper.token, contextId, { strict: true });
    if (isPlain) return instance[method]?.(payload, job);
    return enhancedCall(creator, kinds, instance, found, contextId)(payload, job);
  };
}
