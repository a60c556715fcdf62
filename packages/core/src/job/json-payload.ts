import type { JsonValue } from "../envelope/index.ts";
import { PayloadError } from "../errors.ts";
import { describeValue } from "../known-options.ts";
import type { Arguments } from "./arguments.ts";
import { member } from "../values/any-value.ts";

/**
 * Returns the `args` of an envelope for this payload. Throws `PayloadError` for a value that JSON would change: a Date, a Map,
 * NaN, a bigint, a function. Omits members that are undefined, as JSON does. A cycle is found by its depth.
 */
export function jsonArgsOf({ type, positional }: Arguments, payload: unknown): JsonValue[] {
  if (payload === undefined && !positional) throw new PayloadError(type, [NONE_GIVEN], NOT_JSON);
  if (positional && !Array.isArray(payload)) {
    throw new PayloadError(type, [
      { path: "args", message: `expected the list of arguments, got ${describeValue(payload)}; write [payload]` },
    ]);
  }
  const args: unknown[] = positional ? [...(payload as unknown[])] : [payload];
  for (const [at, argument] of args.entries()) {
    const fault = findFault(argument, positional ? String(at) : "", 1);
    if (fault !== null) throw new PayloadError(type, [fault], NOT_JSON);
  }
  return args as JsonValue[];
}

const NOT_JSON = "cannot be enqueued";
const NONE_GIVEN = {
  path: "",
  message: "none was given (undefined); pass one after the job: any JSON value, such as null",
};

interface Fault {
  readonly path: string;
  readonly message: string;
}

/** An envelope is nested at most 32 levels deep; an argument is two levels down. */
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
      return {
        path,
        message: `a ${typeof value} has no form in JSON; ${typeof value === "function" ? "send data alone" : "send a string"}`,
      };
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
    return { path, message: `a ${classOf(value)} would not arrive as one; send ${jsonFormOf(value)}` };
  }
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const fault = findFault(inner, path === "" ? key : `${path}.${key}`, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}

/** The name of the class. `constructor` may be any value in an object from elsewhere. */
function classOf(value: object): string {
  const name = member(member(value, "constructor"), "name");
  return typeof name === "string" && name !== "" ? name : "object of a class";
}

function jsonFormOf(value: object): string {
  if (value instanceof Date) return "its ISO string, date.toISOString()";
  if (value instanceof Map) return "an object, Object.fromEntries(map)";
  if (value instanceof Set) return "an array, [...set]";
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return "base64 text";
  return "plain data, such as { ...value }";
}
