import type { UniqueDeed } from "./jobs.ts";

/** One job that was stored. Times are Unix milliseconds. */
interface Life {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  /** It was stored by then. */
  readonly from: number;
  /** Until then it had its key for certain. */
  readonly to: number;
}

/** From a lease, which frees a key that is taken until the start, to the first line of the handler, at most. */
const LEASE_TO_START_MS = 1_000;

/** Returns what the record shows to be wrong, one sentence each. `kills`: when workers were killed, in Unix milliseconds. */
export function uniqueFaults(deeds: readonly UniqueDeed[], kills: readonly number[]): string[] {
  const stored = deeds.filter(({ what }) => what === "stored");
  const replacedBy = new Map(stored.flatMap((deed) => (deed.replaced === undefined ? [] : [[deed.replaced, deed]])));
  const of = grouped(deeds, ({ id }) => id);
  const faults: string[] = [];
  const lives: Life[] = [];
  for (const { id, type, key, at } of stored) {
    const own = of.get(id) ?? [];
    const starts = own.filter(({ what }) => what === "start").map((deed) => deed.at);
    const ends = own.filter(({ what }) => what === "end" || what === "dead").map((deed) => deed.at);
    const by = replacedBy.get(id);
    if (by === undefined && ends.length === 0) faults.push(`job ${id} (${type}, ${key}) was stored and never ran`);
    if (by !== undefined && starts.length > 0) faults.push(`job ${id} (${type}, ${key}) was replaced and ran`);
    // A worker that was killed may have leased it, and so have freed a key that is taken until the start.
    const leased = Math.min(...starts, ...kills.filter((kill) => kill >= at)) - LEASE_TO_START_MS;
    const to = by?.askedAt ?? (type === "unique.start" ? leased : Math.max(...ends));
    lives.push({ id, type, key, from: at, to });
  }
  for (const equal of grouped(lives, ({ type, key }) => `${type} ${key}`).values()) {
    const sorted = equal.toSorted((one, other) => one.from - other.from);
    for (const [at, one] of sorted.entries()) {
      for (const next of sorted.slice(at + 1)) {
        if (next.from >= Math.min(one.to, next.to)) continue;
        faults.push(`jobs ${one.id} and ${next.id} (${one.type}, ${one.key}) had one key at the same time`);
      }
    }
  }
  return faults;
}

function grouped<Item>(items: readonly Item[], by: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(by(item)) ?? [];
    group.push(item);
    groups.set(by(item), group);
  }
  return groups;
}
