import type { ChaosRun } from "./run.ts";
import type { TraceLine } from "./trace.ts";

/** One lease of a job, and how it ended. */
interface Holding {
  readonly pid: number;
  readonly id: string;
  readonly at: number;
  endedAt: number | null;
  /** When the outcome was stored or refused, and how; null: neither. */
  settledAt: number | null;
  how: string | null;
}

/** A lease that ended without a settle, and the next lease of the job. */
export interface Takeover {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly why: "died" | "stood still" | "unexplained";
  /** From the time at which its worker stopped to the next lease. */
  readonly ms: number;
  /** Of that, past the lease: the longest that a process which did not stand still waited for a lease and got none. */
  readonly waitedMs: number;
}

export interface ChaosReport {
  readonly jobs: number;
  readonly ends: number;
  /** Promised, and no run of it has ended. */
  readonly lost: readonly string[];
  readonly deaths: number;
  readonly takeovers: readonly Takeover[];
  /** Jobs whose handler had ended and that ran again, by reason. */
  readonly reruns: { readonly [why in Rerun]: number };
  /** The most jobs of one dead process that had ended there and were not known to be stored. */
  readonly unstored: number;
}

type Rerun = "died before it was stored" | "stood still" | "unexplained";

export function report({ promised, lines }: ChaosRun, leaseMs: number): ChaosReport {
  const died = new Map(lines.filter(({ what }) => what === "died").map(({ pid, at }) => [pid, at]));
  const stills = standstills(lines, died);
  const holdings = holdingsOf(lines);
  const takeovers: Takeover[] = [];
  const reruns = { "died before it was stored": 0, "stood still": 0, unexplained: 0 };
  const unstored = new Map<number, number>();
  for (const chain of holdings.values()) {
    for (const [index, holding] of chain.entries()) {
      const next = chain[index + 1];
      const isStored = holding.settledAt !== null && holding.how !== "LEASE_LOST";
      const { pid } = holding;
      if (holding.endedAt !== null && !isStored && died.has(pid)) unstored.set(pid, (unstored.get(pid) ?? 0) + 1);
      if (next === undefined) continue;
      if (isStored && (holding.settledAt ?? 0) <= next.at) {
        if (holding.how === "ack") reruns.unexplained += 1;
        continue;
      }
      const { why, at } = stopOf(holding, next, died, stills);
      const waitedMs = waitedWithin(lines, at + leaseMs, next.at, stills);
      takeovers.push({ id: holding.id, from: pid, to: next.pid, why, ms: next.at - at, waitedMs });
      if (holding.endedAt !== null) reruns[why === "died" ? "died before it was stored" : why] += 1;
    }
  }
  const ended = new Set(lines.flatMap(({ what, id }) => (what === "end" && id ? [id] : [])));
  return {
    jobs: promised.length,
    ends: lines.filter(({ what }) => what === "end").length,
    lost: promised.filter((id) => !ended.has(id)),
    deaths: died.size,
    takeovers,
    reruns,
    unstored: Math.max(0, ...unstored.values()),
  };
}

function holdingsOf(lines: readonly TraceLine[]): Map<string, Holding[]> {
  const chains = new Map<string, Holding[]>();
  for (const { what, id, pid, at, how } of lines) {
    if (id === undefined) continue;
    const chain = chains.get(id) ?? [];
    chains.set(id, chain);
    const ours = chain.findLast((one) => one.pid === pid);
    if (what === "leased") chain.push({ pid, id, at, endedAt: null, settledAt: null, how: null });
    else if (what === "end" && ours) ours.endedAt = at;
    else if ((what === "settled" || what === "refused") && ours) Object.assign(ours, { settledAt: at, how });
  }
  return chains;
}

interface Still {
  readonly pid: number;
  readonly from: number;
  readonly to: number;
}

/** When processes stood still: as they noticed, as their handlers said, and from what killed them to their death. */
function standstills(lines: readonly TraceLine[], died: ReadonlyMap<number, number>): Still[] {
  return lines.flatMap(({ what, pid, at, ms = 0 }): Still[] => {
    const end = died.get(pid) ?? at;
    if (what === "still") return [{ pid, from: at - ms, to: at }];
    if (what === "block") return [{ pid, from: at, to: at + ms }];
    return what === "exit" || what === "heap" || what === "reject" ? [{ pid, from: at, to: end }] : [];
  });
}

function stopOf(
  { pid, at }: Holding,
  next: Holding,
  died: ReadonlyMap<number, number>,
  stills: readonly Still[],
): { why: Takeover["why"]; at: number } {
  const diedAt = died.get(pid) ?? Infinity;
  const still = stills.findLast((one) => one.pid === pid && one.from <= next.at && one.to >= at);
  // What stood still until it died had stopped to renew its leases before.
  if (diedAt <= next.at)
    return { why: "died", at: still && still.to >= diedAt - 100 ? Math.max(still.from, at) : diedAt };
  if (still) return { why: "stood still", at: Math.max(still.from, at) };
  return { why: "unexplained", at };
}

/** The longest that one process, not standing still, waited between two moments for a lease and got none. */
function waitedWithin(lines: readonly TraceLine[], from: number, to: number, stills: readonly Still[]): number {
  const asking = new Map<number, number>();
  let longest = 0;
  for (const { what, pid, at } of lines) {
    if (what === "asks") asking.set(pid, at);
    else if (what === "leases_end" || what === "died") {
      longest = Math.max(longest, waited(pid, asking.get(pid) ?? at, at));
      asking.delete(pid);
    }
    if (at > to) break;
  }
  for (const [pid, since] of asking) longest = Math.max(longest, waited(pid, since, to));
  return longest;

  function waited(pid: number, since: number, end: number): number {
    const [start, stop] = [Math.max(since, from), Math.min(end, to)];
    const stillMs = stills
      .filter((one) => one.pid === pid)
      .map((one) => Math.min(one.to, stop) - Math.max(one.from, start))
      .reduce((sum, ms) => sum + Math.max(0, ms), 0);
    return Math.max(0, stop - start - stillMs);
  }
}
