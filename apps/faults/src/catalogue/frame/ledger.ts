import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { type Deed, readDeeds, readLines } from "../../record.ts";
import { eventually } from "../../process.ts";

/**
 * What producers and handlers say of a run, in files outside of the system. Each line is synced to the disk before the process goes
 * on: a producer writes an id once its `enqueue` has resolved, a handler its start and its end, each with its pid and the time.
 */
export interface Ledger {
  /** Where producers write what was accepted. */
  readonly promised: string;
  /** Where handlers write what they do. */
  readonly record: string;
  accepted(): string[];
  deeds(what?: Deed["what"]): Deed[];
  /** Accepted ids that have not ended. `known`: ids accepted by this process. */
  lost(known?: readonly string[]): string[];
  /** How many jobs have ended more than once. */
  duplicated(): number;
  /** Waits until every accepted job has ended. What has not after `quietMs` without a new end is lost. Returns the lost ones. */
  settle(known?: readonly string[], quietMs?: number): Promise<string[]>;
}

export function ledgerIn(folder: string): Ledger {
  const [promised, record] = [join(folder, "promised"), join(folder, "deeds")];
  const accepted = (): string[] => readLines(promised);
  const deeds = (what?: Deed["what"]): Deed[] =>
    readDeeds(record).filter((deed) => what === undefined || deed.what === what);
  const lost = (known: readonly string[] = []): string[] => {
    const ended = new Set(deeds("end").map(({ id }) => id));
    return [...new Set([...accepted(), ...known])].filter((id) => !ended.has(id));
  };
  return {
    promised,
    record,
    accepted,
    deeds,
    lost,
    duplicated: () => timesMoreThanOnce(deeds("end").map(({ id }) => id)),
    async settle(known, quietMs = 30_000) {
      for (;;) {
        const missing = lost(known);
        if (missing.length === 0) return [];
        const moved = await eventually(() => lost(known).length < missing.length, "another ends", quietMs).catch(
          () => false,
        );
        if (!moved) return lost(known);
        await sleep(10);
      }
    },
  };
}

/** Returns how many of the ids are there more than once. */
export function timesMoreThanOnce(ids: readonly string[]): number {
  const once = new Set<string>();
  const more = new Set<string>();
  for (const id of ids) (once.has(id) ? more : once).add(id);
  return more.size;
}

/** From the kill of each process, by pid, to the next start elsewhere of each job that ran there. */
export function takeoversAfter(deeds: readonly Deed[], killedAt: ReadonlyMap<number, number>): number[] {
  const takeovers: number[] = [];
  for (const [at, start] of deeds.entries()) {
    const killed = killedAt.get(start.pid);
    if (start.what !== "start" || killed === undefined) continue;
    const next = deeds.slice(at + 1).filter(({ id }) => id === start.id);
    if (next.some(({ what, pid }) => what !== "start" && pid === start.pid)) continue;
    const taken = next.find(({ what }) => what === "start");
    if (taken !== undefined) takeovers.push(taken.at - killed);
  }
  return takeovers;
}
