import type { JobContext, JobDefinition } from "@waybill/core";
import { assertDefined, configError } from "../config-error.ts";

type Handle<Payload, Result> = (payload: Payload, job: JobContext) => Promise<Result> | Result;

/** Decorates a method, or a class with a method `handle`. A method with another type of payload or result does not compile. */
export interface JobHandlerDecorator<Payload, Result = void> {
  <Method extends Handle<Payload, Result>>(
    target: object,
    method: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
  <Class extends new (...args: never[]) => { handle: Handle<Payload, Result> }>(target: Class): void;
}

const HANDLES = "waybill:handles";
/** The method of a decorated class. */
const METHOD_OF_CLASS = "handle";

/**
 * Makes a method the handler of a job; on a class, its method `handle`. The class is an ordinary provider: list it in a
 * module, and the definition in `forFeature`. Throws `CONFIG_INVALID` if the definition is undefined, and on a static
 * method.
 */
export function JobHandler<Input, Output, Result>(
  definition: JobDefinition<Input, Output, Result>,
): JobHandlerDecorator<Output, Result> {
  return (target: object, method?: string | symbol): void => {
    const where = nameOf(target, method);
    if (definition === undefined) {
      throw configError(
        `@JobHandler on ${where} got no definition: the modules of the two may import each other in a circle`,
      );
    }
    assertDefined(definition, `@JobHandler on ${where} got what`);
    if (method !== undefined && typeof target === "function") {
      throw configError(`@JobHandler is on the static method ${where}; put it on a method of the instances`);
    }
    const before = (Reflect.getOwnMetadata(HANDLES, target, method ?? "") ?? []) as JobDefinition[];
    Reflect.defineMetadata(HANDLES, [...before, definition], target, method ?? "");
  };
}

/** Returns the jobs that a method of a class handles. */
export function handledBy(prototype: object, method: string): readonly JobDefinition[] {
  const own = (Reflect.getMetadata(HANDLES, prototype, method) ?? []) as JobDefinition[];
  if (method !== METHOD_OF_CLASS) return own;
  return [...own, ...((Reflect.getMetadata(HANDLES, prototype.constructor, "") ?? []) as JobDefinition[])];
}

function nameOf(target: object, method: string | symbol | undefined): string {
  const name = typeof target === "function" ? target.name : target.constructor.name;
  return method === undefined ? name : `${name}.${String(method)}`;
}
