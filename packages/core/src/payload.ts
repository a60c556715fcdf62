import type { JsonValue } from "./envelope/index.ts";
import { PayloadError } from "./errors.ts";
import type { SchemaResult, StandardSchema } from "./standard-schema.ts";
import { errorMessage, kindOf, member } from "./thrown.ts";

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
  if (result instanceof Promise) return result.then((late) => unwrap(type, late));
  // A promise of another realm, or of a library.
  if (typeof member(result, "then") === "function") return Promise.resolve(result).then((late) => unwrap(type, late));
  return unwrap(type, result as SchemaResult<unknown>);
}

/** A result that Standard Schema does not know is an error of the schema, not of the payload. */
function unwrap(type: string, result: SchemaResult<unknown>): unknown {
  if (typeof result !== "object" || result === null) {
    throw new Error(
      `the schema of "${type}" returned ${kindOf(result)} where a Standard Schema returns a value or issues`,
    );
  }
  if (result.issues === undefined) return result.value;
  const issues: readonly unknown[] = Array.isArray(result.issues) ? result.issues : [result.issues];
  throw new PayloadError(
    type,
    issues.map((issue) => ({ path: pathOf(issue), message: errorMessage(issue) })),
  );
}

function pathOf(issue: unknown): string {
  const path = member(issue, "path");
  return Array.isArray(path) ? path.map((part) => keyOf(member(part, "key") ?? part)).join(".") : "";
}

function keyOf(part: unknown): string {
  return typeof part === "string" || typeof part === "number" ? String(part) : kindOf(part);
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
    case "undefined":
      return { path, message: "undefined has no form in JSON; send null, or leave the member out" };
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
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const fault = findFault(inner, path === "" ? key : `${path}.${key}`, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}
