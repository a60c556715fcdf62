import type { JsonValue } from "./envelope/index.ts";
import { PayloadError } from "./errors.ts";
import type { SchemaIssue, SchemaResult, StandardSchema } from "./standard-schema.ts";

/** What a definition says of its arguments. */
interface Arguments {
  readonly type: string;
  readonly schema: StandardSchema | null;
  /** The schema is of the whole list, and the list is the payload; else of the one argument there is. */
  readonly positional: boolean;
}

/**
 * The handler's input out of an envelope's `args`, checked by the schema. A promise only when the schema is
 * asynchronous. Throws or rejects `PayloadError` naming each field at fault.
 */
export function validatePayload({ type, schema, positional }: Arguments, args: readonly JsonValue[]): unknown {
  if (schema === null) return args[0];
  if (!positional && args.length !== 1) {
    throw new PayloadError(type, [{ path: "args", message: `expected exactly one argument, got ${args.length}` }]);
  }
  const result = schema["~standard"].validate(positional ? args : args[0]);
  return result instanceof Promise ? result.then((late) => unwrap(type, late)) : unwrap(type, result);
}

function unwrap(type: string, result: SchemaResult<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  throw new PayloadError(
    type,
    result.issues.map((issue) => ({ path: pathOf(issue), message: issue.message })),
  );
}

function pathOf(issue: SchemaIssue): string {
  return (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".");
}

/**
 * What travels for this payload. Throws `PayloadError` for what JSON would change on the way: a Date, a Map, NaN, a
 * bigint, a function. Members that are undefined are left out of the envelope, as in JSON. Cycles are found by their depth.
 */
export function argsOf({ type, positional }: Pick<Arguments, "type" | "positional">, payload: unknown): JsonValue[] {
  if (positional && !Array.isArray(payload)) {
    throw new PayloadError(type, [
      { path: "args", message: `expected the list of arguments, got ${payload === null ? "null" : typeof payload}` },
    ]);
  }
  const args: unknown[] = positional ? [...(payload as unknown[])] : [payload];
  for (const [at, argument] of args.entries()) {
    const fault = findFault(argument, positional ? String(at) : "", 1);
    if (fault !== null) throw new PayloadError(type, [fault]);
  }
  return args as JsonValue[];
}

interface Fault {
  readonly path: string;
  readonly message: string;
}

/** An envelope is at most 32 deep; an argument sits two levels down. */
const DEEPEST = 30;

function findFault(value: unknown, path: string, depth: number): Fault | null {
  switch (typeof value) {
    case "string":
    case "boolean":
      return null;
    case "number":
      return Number.isFinite(value) ? null : { path, message: `${value} has no form in JSON; send null or a string` };
    case "object":
      return value === null ? null : findFaultIn(value, path, depth);
    default:
      return { path, message: `a ${typeof value} has no form in JSON; send a string` };
  }
}

function findFaultIn(value: object, path: string, depth: number): Fault | null {
  if (depth > DEEPEST) return { path, message: `nested deeper than ${DEEPEST} levels, or a cycle` };
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const fault = findFault(value[index], `${path}[${index}]`, depth + 1);
      if (fault !== null) return fault;
    }
    return null;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const name = value.constructor?.name ?? "object";
    return { path, message: `a ${name} would not arrive as one; send its JSON form (a Date as its ISO string)` };
  }
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const fault = findFault(member, path === "" ? key : `${path}.${key}`, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}
