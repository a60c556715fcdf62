/** Keys in the order of their characters, for any number of changes between two reads. */
export interface KeyIndex {
  /** Adds a key that is not there. */
  add(key: string): void;
  /** Removes a key that is there. */
  remove(key: string): void;
  /** Yields the keys that begin with `prefix` and are behind `after`, in order. Valid until the next change. */
  under(prefix: string, after: string): Generator<string>;
}

/** Up to this many new keys are inserted one by one; more are sorted in. */
const FEW = 32;
/** So many removed keys stay in the list, and as many as there are others. */
const MOST_REMOVED = 1_000;

/** A change costs O(1), and the next read O(log n) and a move of memory for each new key. */
export function createKeyIndex(): KeyIndex {
  let sorted: string[] = [];
  /** Keys that are not in `sorted` yet. */
  let added: string[] = [];
  /** Keys that are in one of the two although they were removed. */
  const removed = new Set<string>();

  const hasTooMany = (): boolean => removed.size > MOST_REMOVED && removed.size > (sorted.length + added.length) / 2;

  function settle(): void {
    const isMessy = hasTooMany();
    if (added.length > FEW || isMessy) {
      // Two sorted runs, which the sort merges.
      sorted = [...sorted, ...added.sort()].sort();
    } else {
      for (const key of added) sorted.splice(firstAt(sorted, key), 0, key);
    }
    added = [];
    if (!isMessy) return;
    sorted = sorted.filter((key) => !removed.has(key));
    removed.clear();
  }

  return {
    add(key) {
      // A removed one is still in its place.
      if (!removed.delete(key)) added.push(key);
    },
    remove(key) {
      removed.add(key);
      if (hasTooMany()) settle();
    },
    *under(prefix, after) {
      settle();
      for (let at = firstAt(sorted, after > prefix ? after : prefix); at < sorted.length; at++) {
        const key = sorted[at] as string;
        if (!key.startsWith(prefix)) return;
        if (key > after && !removed.has(key)) yield key;
      }
    },
  };
}

/** The index of the first key that is `key` or behind it. */
function firstAt(keys: readonly string[], key: string): number {
  let [from, to] = [0, keys.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((keys[middle] as string) < key) from = middle + 1;
    else to = middle;
  }
  return from;
}
