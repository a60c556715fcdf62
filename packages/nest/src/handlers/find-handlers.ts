import { type DiscoveryService, MetadataScanner, ModuleRef } from "@nestjs/core";
import type { Handler, JobDefinition } from "@waybill/core";
import { handledBy } from "./job-handler.ts";

type Wrapper = ReturnType<DiscoveryService["getProviders"]>[number];

export type HandlerInstance = Readonly<Record<string, Handler<unknown, unknown>>>;

/** One method that handles one job. */
export interface FoundHandler {
  readonly definition: JobDefinition;
  readonly wrapper: Wrapper;
  readonly method: string;
  /** The prototype of the class, which has the metadata of Nest's decorators. */
  readonly prototype: HandlerInstance;
  /** "Receipts.send", for errors. */
  readonly name: string;
}

/** Returns every `@JobHandler` on a provider or controller, in modules that are loaded when the application starts. */
export function findHandlers(discovery: DiscoveryService): FoundHandler[] {
  return classMethods(discovery, new MetadataScanner()).flatMap(({ wrapper, prototype, method }) =>
    handledBy(prototype, method).map((definition) => {
      const name = `${prototype.constructor.name}.${method}`;
      return { definition, wrapper, method, prototype, name };
    }),
  );
}

/** One method of the class of a provider or controller. */
export type ClassMethod = Pick<FoundHandler, "wrapper" | "prototype" | "method">;

/** Returns the methods of every provider and controller. */
export function classMethods(discovery: DiscoveryService, scanner: MetadataScanner): ClassMethod[] {
  const wrappers = [...discovery.getProviders(), ...discovery.getControllers()].filter(({ isAlias }) => !isAlias);
  return wrappers.flatMap((wrapper) => {
    const prototype = prototypeOf(wrapper);
    if (prototype === null) return [];
    return scanner.getAllMethodNames(prototype).map((method) => ({ wrapper, prototype, method }));
  });
}

/** Returns the reference of the handler's own module, in which its token is resolved. */
export function moduleRefOf({ wrapper, name }: FoundHandler): ModuleRef {
  const moduleRef: unknown = wrapper.host?.providers.get(ModuleRef)?.instance;
  if (moduleRef instanceof ModuleRef) return moduleRef;
  throw new Error(`the module of ${name} has no ModuleRef`);
}

/** Returns null for a provider that is not an instance of a class. */
function prototypeOf({ instance, metatype, isNotMetatype }: Wrapper): HandlerInstance | null {
  if (typeof instance === "object" && instance !== null)
    return Object.getPrototypeOf(instance) as HandlerInstance | null;
  return isNotMetatype ? null : ((metatype?.prototype ?? null) as HandlerInstance | null);
}
