import { hash } from "node:crypto";
import { derivedId } from "../../envelope/index.ts";
import { cronTicks } from "./cron-ticks.ts";
import type { Timing } from "./define-schedule.ts";
import { intervalTicks, type Tick, type Ticks } from "./tick.ts";

/** The most different timings whose parsed form is kept. */
const MOST_KEPT = 2_000;
const kept = new Map<string, Promise<Ticks | null>>();

/** Returns the ticks of a timing; null for `afterCompletion`, whose runs depend on each other. Rejects `CONFIG_INVALID`. */
export function ticksOf(timing: Timing, name: string): Promise<Ticks | null> {
  const key = JSON.stringify(timing);
  const known = kept.get(key);
  if (known !== undefined) return known;
  if (kept.size >= MOST_KEPT) kept.clear();
  const made = makeTicks(timing, name);
  kept.set(key, made);
  made.catch(() => kept.delete(key));
  return made;
}

async function makeTicks(timing: Timing, name: string): Promise<Ticks | null> {
  switch (timing.kind) {
    case "cron":
      return cronTicks(timing.cron, timing.timeZone, `schedule "${name}"`);
    case "every":
      return intervalTicks(timing.ms);
    case "afterCompletion":
      return null;
  }
}

/** Returns the id of a tick's job: the same in every process, so that a tick that is fired twice is one job. */
export function tickId(name: string, { at, skipped }: Tick): string {
  return derivedId(["waybill.schedule", name, at, ...(skipped === null ? [] : [skipped])]);
}

/** Returns when a tick is to be fired, in Unix milliseconds: its time, and its jitter. */
export function fireAt(name: string, { at }: Tick, jitterMs: number): number {
  if (jitterMs === 0) return at;
  const share = Number.parseInt(hash("sha256", `${name}\n${at}`, "hex").slice(0, 8), 16) / 0x1_0000_0000;
  return at + Math.floor(share * (jitterMs + 1));
}
