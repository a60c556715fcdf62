import type { Duration, SignaturePolicies, SignaturePolicy } from "@waybill/core";
import { durationMs } from "@waybill/core/endpoint";
import { InvalidArgumentError } from "commander";

const DURATION = /^\d+(\.\d+)?(ms|s|m|h|d)$/;

/** Parses "500ms", "5s", "10m", "2h", "7d" or "0". Throws `InvalidArgumentError` for a number without a unit. */
export function duration(text: string): Duration {
  if (text === "0") return 0;
  if (DURATION.test(text)) return text as Duration;
  throw new InvalidArgumentError("Write a number and a unit: 500ms, 5s, 10m, 2h or 7d.");
}

/** Parses a name. Throws `InvalidArgumentError` for an empty one, as an unset variable of a shell gives. */
export function nonEmpty(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It is empty; is a variable of the shell unset?");
}

/** Returns a parser of whole numbers from `least` up. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Write a whole number, ${least} or more.`);
  };
}

/** Parses a port; 0: any that is free. */
export function port(text: string): number {
  const value = wholeNumber(0)(text);
  if (value < 65_536) return value;
  throw new InvalidArgumentError("Write a port from 0 to 65535.");
}

const SIZE = /^(\d+)(MiB|GiB)$/;

/** Parses "512MiB" or "2GiB". Returns bytes. */
export function bytes(text: string): number {
  const [, count, unit] = SIZE.exec(text) ?? [];
  if (count !== undefined && Number(count) > 0) return Number(count) * (unit === "GiB" ? 2 ** 30 : 2 ** 20);
  throw new InvalidArgumentError("Write a whole number and a unit: 512MiB or 2GiB.");
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;

/** Parses an ISO 8601 time. Its offset is required: without one the time depends on the machine's time zone. */
export function instant(text: string): Date {
  const value = new Date(text);
  if (INSTANT.test(text) && !Number.isNaN(value.getTime())) return value;
  throw new InvalidArgumentError("Write an ISO 8601 time with its offset: 2026-12-01T08:00:00Z.");
}

/** Parses a duration before now ("2h") or an ISO 8601 time. Returns Unix milliseconds. */
export function momentSince(text: string): number {
  if (DURATION.test(text)) return Date.now() - durationMs(text as Duration, "--since");
  if (INSTANT.test(text) && !Number.isNaN(Date.parse(text))) return Date.parse(text);
  throw new InvalidArgumentError(
    "Write how long ago, with its unit (30m, 2h, 7d), or an ISO 8601 time with its offset: 2026-12-01T08:00:00Z.",
  );
}

const isPolicy = (text: string | undefined): text is SignaturePolicy =>
  text === "off" || text === "optional" || text === "required";

/** Parses a policy for every queue ("required") or by queue ("payments=required,mailers=optional"). */
export function policies(text: string): SignaturePolicies {
  if (isPolicy(text)) return text;
  const pairs = text.split(",").map((pair) => {
    const [queue, policy, ...more] = pair.trim().split("=");
    if (queue && isPolicy(policy) && more.length === 0) return [queue, policy] as const;
    throw new InvalidArgumentError("Write off, optional or required, or one for each queue: payments=required.");
  });
  return Object.fromEntries(pairs);
}

/** Parses "a,b" and appends it to the values of earlier uses of the option. */
export function list(text: string, before: readonly string[] | undefined): string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.includes("")) throw new InvalidArgumentError("Write names separated by commas: media,mailers.");
  return [...(before ?? []), ...items];
}

/** Parses "a=3,b" into weights by queue; a queue without a weight gets 1. */
export function weights(text: string, before: QueueWeights | undefined): QueueWeights {
  const pairs = list(text, undefined).map((item): [string, number] => {
    const [, name = item, weight] = /^([^=]+)=(\d+)$/.exec(item) ?? [];
    if (name.includes("="))
      throw new InvalidArgumentError("Write names, each with a whole weight if any: media=3,mailers.");
    return [name, weight === undefined ? 1 : Number(weight)];
  });
  return { ...before, ...Object.fromEntries(pairs) };
}

export type QueueWeights = { readonly [queue: string]: number };
