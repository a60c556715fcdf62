import type { Duration, SignaturePolicies, SignaturePolicy } from "@waybill/core";
import { InvalidArgumentError } from "commander";

const DURATION = /^\d+(\.\d+)?(ms|s|m|h|d)$/;

/** "500ms", "5s", "10m", "2h", "7d" or "0". A number without a unit is refused: nobody remembers which it was. */
export function duration(text: string): Duration {
  if (text === "0") return 0;
  if (DURATION.test(text)) return text as Duration;
  throw new InvalidArgumentError("Write a number and a unit: 500ms, 5s, 10m, 2h or 7d.");
}

/** A whole number from `least` up. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Write a whole number, ${least} or more.`);
  };
}

const SIZE = /^(\d+)(MiB|GiB)$/;

/** "512MiB" or "2GiB", in bytes. */
export function bytes(text: string): number {
  const [, count, unit] = SIZE.exec(text) ?? [];
  if (count !== undefined && Number(count) > 0) return Number(count) * (unit === "GiB" ? 2 ** 30 : 2 ** 20);
  throw new InvalidArgumentError("Write a whole number and a unit: 512MiB or 2GiB.");
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;

/** An instant with its offset: without one it would mean another time on another machine. */
export function instant(text: string): Date {
  const value = new Date(text);
  if (INSTANT.test(text) && !Number.isNaN(value.getTime())) return value;
  throw new InvalidArgumentError("Write an ISO 8601 time with its offset: 2026-12-01T08:00:00Z.");
}

const isPolicy = (text: string | undefined): text is SignaturePolicy =>
  text === "off" || text === "optional" || text === "required";

/** "required", for every queue, or "payments=required,mailers=optional". */
export function policies(text: string): SignaturePolicies {
  if (isPolicy(text)) return text;
  const pairs = text.split(",").map((pair) => {
    const [queue, policy, ...more] = pair.trim().split("=");
    if (queue && isPolicy(policy) && more.length === 0) return [queue, policy] as const;
    throw new InvalidArgumentError("Write off, optional or required, or one for each queue: payments=required.");
  });
  return Object.fromEntries(pairs);
}

/** "a,b" and a repeated option add up to one list. */
export function list(text: string, before: readonly string[] | undefined): string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.includes("")) throw new InvalidArgumentError("Write names separated by commas: media,mailers.");
  return [...(before ?? []), ...items];
}

/** "a=3,b" as weights by name, 1 where none is given. */
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
