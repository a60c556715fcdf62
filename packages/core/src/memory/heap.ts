/** What a heap orders: earliest `at` first, then lowest `seq`. `slot` is the heap's own note of where the item sits. */
export interface Timed {
  at: number;
  readonly seq: number;
  slot: number;
}

export interface Heap<T extends Timed> {
  size(): number;
  /** The earliest item, left where it is. */
  peek(): T | undefined;
  push(item: T): void;
  /** Takes out any item, wherever it sits, in O(log n). */
  remove(item: T): void;
}

/** A binary heap whose items know their place, so that a settled lease leaves at once and nothing stale piles up. */
export function createHeap<T extends Timed>(): Heap<T> {
  const items: T[] = [];

  return {
    size: () => items.length,
    peek: () => items[0],
    push(item) {
      items.push(item);
      rise(items, item, items.length - 1);
    },
    remove(item) {
      const hole = item.slot;
      const last = items.pop();
      item.slot = -1;
      if (last === undefined || last === item) return;
      rise(items, last, hole);
      if (last.slot === hole) sink(items, last, hole);
    },
  };
}

const before = (a: Timed, b: Timed): boolean => a.at < b.at || (a.at === b.at && a.seq < b.seq);

function rise<T extends Timed>(items: T[], item: T, from: number): void {
  let slot = from;
  while (slot > 0) {
    const up = (slot - 1) >> 1;
    const parent = items[up] as T;
    if (!before(item, parent)) break;
    place(items, parent, slot);
    slot = up;
  }
  place(items, item, slot);
}

function sink<T extends Timed>(items: T[], item: T, from: number): void {
  let slot = from;
  for (;;) {
    let down = slot * 2 + 1;
    const left = items[down];
    if (left === undefined) break;
    const right = items[down + 1];
    if (right !== undefined && before(right, left)) down += 1;
    const child = items[down] as T;
    if (!before(child, item)) break;
    place(items, child, slot);
    slot = down;
  }
  place(items, item, slot);
}

function place<T extends Timed>(items: T[], item: T, slot: number): void {
  items[slot] = item;
  item.slot = slot;
}
