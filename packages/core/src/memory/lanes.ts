import type { Stored } from "./stored.ts";

/** Ready messages: one first-in-first-out lane for each priority level. */
export interface Lanes {
  size(): number;
  push(stored: Stored): void;
  /** Adds a message in front of those of its lane that became ready later. */
  insert(stored: Stored): void;
  /** Removes the next message of the highest priority for which `test` holds; null when there is none. Absent: the next. */
  shift(test?: (stored: Stored) => boolean): Stored | null;
  /** Removes a message that is in one of the lanes, in O(1). */
  remove(stored: Stored): void;
  /** When the longest-waiting message became ready, on the monotonic clock; null when none waits. */
  oldest(): number | null;
  /** How many messages are before one that is in one of the lanes, and how many of them have a higher priority; to `most` at most. */
  before(stored: Stored, most: number): { readonly all: number; readonly higher: number };
}

interface Lane {
  head: Stored | null;
  tail: Stored | null;
}

/** Spreads the priorities −100 to 100 evenly over `levels` lanes. */
export function createLanes(levels: number): Lanes {
  const lanes: Lane[] = Array.from({ length: Math.min(levels, 201) }, () => ({ head: null, tail: null }));
  let size = 0;
  /** Every lane above this one is empty. */
  let top = 0;

  const indexOf = ({ message }: Stored): number => Math.floor(((message.priority + 100) * lanes.length) / 201);
  const laneOf = (stored: Stored): Lane => lanes[indexOf(stored)] as Lane;

  /** Adds a message behind `before`; in front for null. */
  function link(stored: Stored, before: Stored | null): void {
    const lane = laneOf(stored);
    const next = before === null ? lane.head : before.next;
    stored.prev = before;
    stored.next = next;
    if (before === null) lane.head = stored;
    else before.next = stored;
    if (next === null) lane.tail = stored;
    else next.prev = stored;
    top = Math.max(top, indexOf(stored));
    size += 1;
  }

  function remove(stored: Stored): Stored {
    const lane = laneOf(stored);
    if (stored.prev === null) lane.head = stored.next;
    else stored.prev.next = stored.next;
    if (stored.next === null) lane.tail = stored.prev;
    else stored.next.prev = stored.prev;
    stored.next = null;
    stored.prev = null;
    size -= 1;
    return stored;
  }

  return {
    size: () => size,
    push: (stored) => link(stored, laneOf(stored).tail),
    insert(stored) {
      let before: Stored | null = null;
      for (let next = laneOf(stored).head; next !== null && isEarlier(next, stored); next = next.next) before = next;
      link(stored, before);
    },
    shift(test) {
      if (size === 0) return null;
      while (top > 0 && (lanes[top] as Lane).head === null) top -= 1;
      if (test === undefined) return remove((lanes[top] as Lane).head as Stored);
      for (let at = top; at >= 0; at -= 1) {
        for (let next = (lanes[at] as Lane).head; next !== null; next = next.next) {
          if (test(next)) return remove(next);
        }
      }
      return null;
    },
    remove: (stored) => void remove(stored),
    before(stored, most) {
      let [all, higher] = [0, 0];
      const own = indexOf(stored);
      for (let at = top; at >= own; at -= 1) {
        for (let next = (lanes[at] as Lane).head; next !== null && next !== stored && all < most; next = next.next) {
          all += 1;
          if (at > own) higher += 1;
        }
      }
      return { all, higher };
    },
    oldest() {
      let oldest = Infinity;
      for (const { head } of lanes) if (head !== null && head.at < oldest) oldest = head.at;
      return oldest === Infinity ? null : oldest;
    },
  };
}

const isEarlier = (one: Stored, other: Stored): boolean =>
  one.at < other.at || (one.at === other.at && one.seq < other.seq);
