/** An item of a heap, ordered by `at` and then by `seq`. The heap writes its own index into `slot`. */
export interface Timed {
  at: number;
  readonly seq: number;
  slot: number;
}

export interface Heap<T extends Timed> {
  size(): number;
  /** Every item, in no order. Valid until the next change. */
  items(): readonly T[];
  /** Returns the earliest item, and leaves it in the heap. */
  peek(): T | undefined;
  push(item: T): void;
  /** Removes an item, in O(log n). */
  remove(item: T): void;
}

/**
 * A binary heap. Its items have their index, so that the heap keeps no settled leases until they would end. `before` says which
 * of two comes first. Default: the earlier one.
 */
export function createHeap<T extends Timed>(before: (a: T, b: T) => boolean = isEarlier): Heap<T> {
  const items: T[] = [];

  return {
    size: () => items.length,
    items: () => items,
    peek: () => items[0],
    push(item) {
      items.push(item);
      rise(items, item, items.length - 1, before);
    },
    remove(item) {
      const hole = item.slot;
      const last = items.pop();
      item.slot = -1;
      if (last === undefined || last === item) return;
      rise(items, last, hole, before);
      if (last.slot === hole) sink(items, last, hole, before);
    },
  };
}

const isEarlier = (a: Timed, b: Timed): boolean => a.at < b.at || (a.at === b.at && a.seq < b.seq);

type Before<T> = (a: T, b: T) => boolean;

function rise<T extends Timed>(items: T[], item: T, from: number, before: Before<T>): void {
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

function sink<T extends Timed>(items: T[], item: T, from: number, before: Before<T>): void {
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
