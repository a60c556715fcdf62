import { type DiscoveryService, MetadataScanner, ModuleRef } from "@nestjs/core";
import type { Handler, JobDefinition } from "@waybill/core";
import { handledBy } from "./job-handler.ts";

type Wrapper = ReturnType<DiscoveryService["getProviders"]>[number];

export type HandlerInstance = Readonly<Record<string, Handler<unknown>>>;

/** One method that handles one job. */
export interface FoundHandler {
  readonly definition: JobDefinition;
  readonly wrapper: Wrapper;
  readonly method: string;
  /** Of the class, where Nest's decorators leave what they say. */
  readonly prototype: HandlerInstance;
  /** "Receipts.send", for people. */
  readonly name: string;
}

/** Every `@JobHandler` on a provider or controller of the application, in modules that are loaded when it starts. */
export function findHandlers(discovery: DiscoveryService): FoundHandler[] {
  const scanner = new MetadataScanner();
  const wrappers = [...discovery.getProviders(), ...discovery.getControllers()].filter(({ isAlias }) => !isAlias);
  return wrappers.flatMap((wrapper) => {
    const prototype = prototypeOf(wrapper);
    if (prototype === null) return [];
    return scanner.getAllMethodNames(prototype).flatMap((method) =>
      handledBy(prototype, method).map((definition) => {
        const name = `${prototype.constructor.name}.${method}`;
        return { definition, wrapper, method, prototype, name };
      }),
    );
  });
}

/** The reference of the very module the handler stands in, where its token means what it means there. */
export function moduleRefOf({ wrapper, name }: FoundHandler): ModuleRef {
  const moduleRef: unknown = wrapper.host?.providers.get(ModuleRef)?.instance;
  if (moduleRef instanceof ModuleRef) return moduleRef;
  throw new Error(`the module of ${name} has no ModuleRef`);
}

/** Null for what no class made. */
function prototypeOf({ instance, metatype, isNotMetatype }: Wrapper): HandlerInstance | null {
  if (typeof instance === "object" && instance !== null)
    return Object.getPrototypeOf(instance) as HandlerInstance | null;
  return isNotMetatype ? null : ((metatype?.prototype ?? null) as HandlerInstance | null);
}
