// Loaded by every source that takes options, in a mutation run: what `instrumented` calls. WAYBILL_WITHOUT names the member that is ignored.
import type { Ignored } from "./options.ts";

const ignored = JSON.parse(process.env["WAYBILL_WITHOUT"] ?? "null") as Ignored | null;

/** `given`, as it would be had nobody written the member. Only where the type has it. */
function without(type: string, given: unknown): unknown {
  if (ignored === null || typeof given !== "object" || given === null) return given;
  let left = given as Readonly<Record<string, unknown>>;
  if (ignored.types.includes(type)) left = omit(left, ignored.member);
  for (const holder of ignored.holders[type] ?? []) {
    const inner = left[holder];
    if (typeof inner === "object" && inner !== null) left = { ...left, [holder]: omit(inner, ignored.member) };
  }
  return left;
}

function omit(given: object, member: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => name !== member));
}

Object.assign(globalThis, { __without: without });
