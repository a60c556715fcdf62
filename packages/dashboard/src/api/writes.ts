import type { PauseTarget } from "@waybill/core";
import { Refusal } from "../refusal.ts";
import { enqueueCopy } from "./copy.ts";
import { featuresOf } from "../features.ts";
import { type Input, invalid, textIn, textsIn } from "./input.ts";
import { inspectorOf } from "./reads.ts";
import type { Writing } from "./writing.ts";

type Write = (writing: Writing) => Promise<unknown>;

/** The routes that change something, by path. Each returns what became of it. */
export const writes: ReadonlyMap<string, Write> = new Map<string, Write>([
  ["pause", ({ jobs, input }) => done(jobs.pause(targetOf(input)))],
  ["resume", ({ jobs, input }) => done(jobs.resume(targetOf(input)))],
  ["jobs/cancel", async ({ jobs, input }) => total(textsIn(input, "ids"), (id) => jobs.cancel(id))],
  ["jobs/run-now", async ({ jobs, input }) => total(textsIn(input, "ids"), (id) => jobs.runNow(id))],
  [
    "jobs/reschedule",
    async ({ jobs, input }) => {
      const at = new Date(textIn(input, "at"));
      if (Number.isNaN(at.getTime())) throw invalid('"at" is no time');
      return total(textsIn(input, "ids"), (id) => jobs.reschedule(id, at));
    },
  ],
  ["jobs/copy", enqueueCopy],
  [
    "dead/replay",
    async ({ jobs, input }) => ({ replayed: await byPortions(input, (ids) => inspectorOf(jobs).replay(ids)) }),
  ],
  [
    "dead/drop",
    async ({ jobs, input }) => ({ dropped: await byPortions(input, (ids) => inspectorOf(jobs).drop(ids)) }),
  ],
  ["schedules/run-now", async ({ jobs, input }) => jobs.schedules.runNow(textIn(input, "name"))],
  ["schedules/pause", ({ jobs, input }) => done(jobs.schedules.pause(textIn(input, "name")))],
  ["schedules/resume", ({ jobs, input }) => done(jobs.schedules.resume(textIn(input, "name")))],
  ["schedules/remove", async ({ jobs, input }) => ({ removed: await jobs.schedules.remove(textIn(input, "name")) })],
  [
    "flows/cancel",
    async ({ jobs, input }) => {
      const { flows } = featuresOf(jobs);
      if (flows === null) throw new Refusal(404, "NOT_FOUND", "this connection has no flows");
      return done(flows.cancel(textIn(input, "id")));
    },
  ],
]);

/** Returns the input without the payload of a copy, which may hold what must not be in a log. */
export function auditedTarget(input: Input): Input {
  const { payload: _payload, ...rest } = input;
  return rest;
}

function targetOf(input: Input): PauseTarget {
  return input["type"] === undefined ? { queue: textIn(input, "queue") } : { type: textIn(input, "type") };
}

/** Adds up what became of each. */
async function total(
  ids: readonly string[],
  call: (id: string) => Promise<object>,
): Promise<Readonly<Record<string, number>>> {
  const sums: Record<string, number> = {};
  for (const id of ids) {
    for (const [name, count] of Object.entries(await call(id))) sums[name] = (sums[name] ?? 0) + Number(count);
  }
  return sums;
}

/** By ids alone: a filter could match dead letters that came after the page was read. */
async function byPortions(
  input: Input,
  call: (query: { readonly ids: readonly string[]; readonly limit: number }) => Promise<number>,
): Promise<number> {
  return call({ ids: textsIn(input, "ids"), limit: Infinity });
}

/** The result of a call that returns none. */
const DONE = { done: true };

async function done(call: Promise<unknown>): Promise<typeof DONE> {
  await call;
  return DONE;
}
