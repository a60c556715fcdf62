import type { EnqueueOptions } from "./enqueue-options.ts";
import { isPlain } from "../envelope/plain.ts";
import { WaybillError } from "../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";
import { checkRetry } from "../job/retry-options.ts";
import { checkUniqueCall } from "./check-unique-call.ts";

const ENQUEUE_OPTIONS: OptionNames<EnqueueOptions> = {
  id: true,
  delay: true,
  runAt: true,
  expiresIn: true,
  expiresAt: true,
  queue: true,
  priority: true,
  tenant: true,
  meta: true,
  retry: true,
  timeout: true,
  unique: true,
};

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Throws `CONFIG_INVALID` for an option that does not exist or has a wrong type. Other values are checked where they are used. */
export function checkEnqueueOptions(options: EnqueueOptions, type: string): void {
  assertKnownOptions(options, ENQUEUE_OPTIONS, `the options of enqueue for "${type}"`);
  const { id, tenant, priority, meta, runAt, expiresAt, retry, unique } = options;
  // Parts of a derived id are checked when it is derived.
  if (id !== undefined && !Array.isArray(id) && (typeof id !== "string" || !ID.test(id))) {
    const remedy =
      typeof id === "string" ? `write [${describeValue(id)}] to derive one from it` : "leave it out for a fresh one";
    throw refuse(`id of "${type}" is ${describeValue(id)}: a UUID in lower case is needed; ${remedy}`);
  }
  if (tenant !== undefined && (typeof tenant !== "string" || tenant === "")) {
    throw refuse(`tenant of "${type}" is ${describeValue(tenant)}: a text that is not empty`);
  }
  if (priority !== undefined && !(Number.isInteger(priority) && Math.abs(priority) <= 100)) {
    throw refuse(`priority of "${type}" is ${describeValue(priority)}: a whole number from -100 to 100, higher first`);
  }
  if (meta !== undefined) assertMeta(meta, type);
  assertDate(runAt, `runAt of "${type}"`);
  assertDate(expiresAt, `expiresAt of "${type}"`);
  if (unique !== undefined) checkUniqueCall(unique, type);
  if (retry !== undefined) checkRetry(retry, `the call for "${type}"`);
  const unnamed = retry?.nonRetryable?.findIndex((match) => typeof match !== "string") ?? -1;
  if (unnamed === -1) return;
  const remedy =
    "name its code or its name, or list the class in defineJob, since a class does not travel with the job";
  throw refuse(`retry.nonRetryable[${unnamed}] of the call for "${type}" is a class: ${remedy}`);
}

/** Throws for values that JSON would change silently. */
function assertMeta(meta: unknown, type: string): void {
  if (typeof meta !== "object" || meta === null || Array.isArray(meta)) {
    throw refuse(`meta of "${type}" is ${describeValue(meta)}: pass an object, such as { requestId: "r_1" }`);
  }
  for (const [key, value] of Object.entries(meta)) {
    if (value === undefined || isPlain(value)) continue;
    throw refuse(
      `meta.${key} of "${type}" is ${describeValue(value)}, which is no JSON: pass texts, numbers, lists of them`,
    );
  }
}

function assertDate(value: Date | undefined, name: string): void {
  if (value === undefined) return;
  if (!(value instanceof Date))
    throw refuse(`${name} is ${describeValue(value)}: pass a Date, such as new Date(${example(value)})`);
  if (Number.isNaN(value.getTime())) throw refuse(`${name} is an invalid Date: pass one whose getTime() is a number`);
}

const example = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? describeValue(value) : '"2026-12-24T18:00:00Z"';

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
