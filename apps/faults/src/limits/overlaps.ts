import type { LimitedStart } from "./record.ts";

/** What was done to one process, in Unix milliseconds. */
export interface Fault {
  readonly pid: number;
  readonly at: number;
  /** When a frozen process went on; null for one that was killed. */
  readonly until: number | null;
}

/** One run of a handler: from its start until it ended, was aborted or its process was killed or frozen. */
export interface Interval {
  readonly id: string;
  readonly key: string;
  readonly pid: number;
  readonly from: number;
  readonly to: number;
  /** When the process was frozen during the run; null for never. */
  readonly frozenAt: number | null;
  /**
   * Whether it went on without its lease: its process was frozen during the run, or right before it, when the lease had been read
   * and the handler was about to be called. Such a run is aborted once the process has noticed.
   */
  readonly isZombie: boolean;
}

/** A process that went on notices within this time that it has lost a lease. */
const NOTICE_MS = 1_000;

/** Returns the runs in the order of their starts. */
export function intervalsOf(lines: readonly LimitedStart[], faults: readonly Fault[]): Interval[] {
  return lines
    .filter(({ what }) => what === "start")
    .map(({ id, key, pid, at }) => {
      const last = lines.find((line) => line.what !== "start" && line.id === id && line.pid === pid && line.at >= at);
      const own = faults.filter((fault) => fault.pid === pid).toSorted((one, other) => one.at - other.at);
      const during = own.find((fault) => fault.at >= at && fault.at < (last?.at ?? Infinity));
      const wentOn = own.findLast(({ until }) => until !== null && until <= at)?.until ?? -Infinity;
      const isFrozen = during !== undefined && during.until !== null;
      const hasLost = last?.code === "LEASE_LOST" && at - wentOn < NOTICE_MS;
      const to = during?.at ?? last?.at ?? Infinity;
      return { id, key, pid, from: at, to, frozenAt: isFrozen ? during.at : null, isZombie: isFrozen || hasLost };
    })
    .toSorted((one, other) => one.from - other.from);
}

/** Returns each pair of runs of one key that were under way at the same time, both with their lease. */
export function overlapsOf(intervals: readonly Interval[]): [Interval, Interval][] {
  const leased = intervals.filter(({ isZombie, frozenAt }) => !isZombie || frozenAt !== null);
  const found: [Interval, Interval][] = [];
  for (const [at, run] of leased.entries()) {
    for (const next of leased.slice(at + 1)) {
      if (next.key === run.key && next.from < run.to) found.push([run, next]);
    }
  }
  return found;
}
