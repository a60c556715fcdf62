import {
  APP_FILTER,
  APP_GUARD,
  APP_INTERCEPTOR,
  APP_PIPE,
  type ContextId,
  type ExternalContextCreator,
  ModuleRef,
  type ModulesContainer,
} from "@nestjs/core";
import type { JobContext } from "@waybill/core";
import type { Enhancer } from "./enhancers.ts";
import type { FoundHandler, HandlerInstance } from "./find-handlers.ts";

/** What `context.getType()` returns in an enhancer. `context.getArgs()` returns the payload and the `JobContext`. */
const CONTEXT_TYPE = "waybill";
const PARAMS = "waybill:params";
/** The payload has the parameter type of a body, so that Nest's pipes validate it. The job has a custom type, which they skip. */
const BODY = 3;
const CUSTOM = 11;
const PARAMS_OF_HANDLER = {
  [`${BODY}:0`]: { index: 0, pipes: [] },
  [`${CUSTOM}:1`]: { index: 1, pipes: [] },
};
const GLOBAL = [APP_GUARD, APP_PIPE, APP_INTERCEPTOR, APP_FILTER];

type Call = (payload: unknown, job: JobContext) => Promise<unknown>;

/** A request-scoped enhancer of the whole application. Nest makes those for controllers only, so they are made here. */
export interface ScopedEnhancer {
  make(contextId: ContextId): Promise<unknown>;
}

/** Returns the request-scoped enhancers of the whole application. */
export function scopedEnhancers(modules: ModulesContainer): ScopedEnhancer[] {
  return [...modules.values()].flatMap((module) => {
    const moduleRef: unknown = module.providers.get(ModuleRef)?.instance;
    if (!(moduleRef instanceof ModuleRef)) return [];
    return [...module.injectables.values()]
      .filter(({ token }) => GLOBAL.some((one) => String(token).startsWith(one)))
      .filter((wrapper) => !wrapper.isDependencyTreeStatic())
      .map(({ token }) => ({ make: (contextId) => moduleRef.resolve(token, contextId, { strict: true }) }));
  });
}

/** Returns the handler of this instance with Nest's enhancers of these kinds around it. */
export function enhancedCall(
  creator: ExternalContextCreator,
  kinds: ReadonlySet<Enhancer>,
  instance: HandlerInstance,
  { method, wrapper }: FoundHandler,
  contextId?: ContextId,
): Call {
  const run = instance[method];
  if (run === undefined) throw new Error(`there is no ${method} on ${wrapper.name}`);
  if (kinds.has("pipes")) Reflect.defineMetadata(PARAMS, PARAMS_OF_HANDLER, instance.constructor, method);
  const pipes = { exchangeKeyForValue: (type: number, _: unknown, args: unknown[]) => args[type === BODY ? 0 : 1] };
  const call = creator.create(
    instance,
    run as (...args: unknown[]) => unknown,
    method,
    PARAMS,
    kinds.has("pipes") ? pipes : undefined,
    contextId,
    contextId && wrapper.id,
    { guards: kinds.has("guards"), interceptors: kinds.has("interceptors"), filters: kinds.has("filters") },
    CONTEXT_TYPE,
  );
  return async (payload, job) => streamEnd(await call(payload, job));
}

interface Stream {
  subscribe(observer: { readonly error: (error: unknown) => void; readonly complete: () => void }): unknown;
}

/** Waits for a stream, which filters of Nest's microservices return. Its error is the job's. Returns any other value. */
function streamEnd(result: unknown): unknown {
  if (typeof result !== "object" || result === null || !("subscribe" in result)) return result;
  return new Promise<void>((complete, error) => void (result as Stream).subscribe({ complete, error }));
}
