import type { JsonValue } from "../envelope/index.ts";
import { isPlain } from "../envelope/plain.ts";
import { PayloadError } from "../errors.ts";
import type { Arguments } from "./arguments.ts";
import type { SchemaResult } from "./standard-schema.ts";
import { cutText, kindOf, member, textMember } from "../values/any-value.ts";

/**
 * Checks an envelope's `args` by the schema and returns the handler's payload. Returns a promise only if the schema is
 * asynchronous. Throws or rejects `PayloadError`, which names each field at fault.
 */
export function validatePayload({ type, schema, positional }: Arguments, args: readonly JsonValue[]): unknown {
  if (schema === null) return args[0];
  if (!positional && args.length > 1) {
    throw new PayloadError(type, [{ path: "args", message: `expected one argument, got ${args.length}` }]);
  }
  const judge = (result: SchemaResult<unknown>): unknown => unwrap(type, result, !positional && args.length === 0);
  const result = schema["~standard"].validate(positional ? args : args[0]);
  if (result instanceof Promise) return result.then(judge);
  // A promise of another realm or of a library.
  if (typeof member(result, "then") === "function") return Promise.resolve(result).then(judge);
  return judge(result as SchemaResult<unknown>);
}

const NONE_GIVEN = { path: "", message: "none was given (undefined); give one, or let the schema take undefined" };

/** Throws an ordinary error for a result that is no Standard Schema result: then the schema is at fault, not the payload. */
function unwrap(type: string, result: SchemaResult<unknown>, isMissing: boolean): unknown {
  if (typeof result !== "object" || result === null) {
    throw new Error(
      `the schema of "${type}" returned ${kindOf(result)} where a Standard Schema returns a value or issues`,
    );
  }
  if (result.issues === undefined) return result.value;
  if (isMissing) throw new PayloadError(type, [NONE_GIVEN]);
  const issues: readonly unknown[] = Array.isArray(result.issues) ? result.issues : [result.issues];
  throw new PayloadError(
    type,
    issues.map((issue) => ({ path: pathOf(issue), message: cutText(textMember(issue, "message") ?? kindOf(issue)) })),
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
 * Returns the `args` of an envelope for this payload; for undefined an empty list, which the schema then checks. Returns a
 * promise only for a payload that needs a closer look, by code that is loaded when first needed. Throws or rejects
 * `PayloadError` for a value that JSON would change.
 */
export function argsOf(job: Arguments, payload: unknown): JsonValue[] | Promise<JsonValue[]> {
  const args = job.positional ? payload : [payload];
  // At the depth that it has in the envelope.
  if (Array.isArray(args) && isPlain([args])) return [...args];
  if (payload === undefined && job.schema !== null && !job.positional) return [];
  return import("./json-payload.ts").then(({ jsonArgsOf }) => jsonArgsOf(job, payload));
}
