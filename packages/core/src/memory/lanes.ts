import type { Stored } from "./stored.ts";

/** Ready messages: one first-in-first-out lane per priority level, the highest served first. */
export interface Lanes {
  size(): number;
  push(stored: Stored): void;
  shift(): Stored | null;
  /** When the longest-waiting message became ready, on the monotonic clock; null when none waits. */
  oldest(): number | null;
}

interface Lane {
  head: Stored | null;
  tail: Stored | null;
}

/** `levels` priorities told apart: −100 to 100 are spread over them evenly. */
export function createLanes(levels: number): Lanes {
  const lanes: Lane[] = Array.from({ length: Math.min(levels, 201) }, () => ({ head: null, tail: null }));
  let size = 0;
  /** No lane above this one holds anything. */
  let top = 0;

  const laneOf = (priority: number): number => Math.floor(((priority + 100) * lanes.length) / 201);

  return {
    size: () => size,
    push(stored) {
      const at = laneOf(stored.message.priority);
      const lane = lanes[at] as Lane;
      if (lane.tail === null) lane.head = stored;
      else lane.tail.next = stored;
      lane.tail = stored;
      if (at > top) top = at;
      size += 1;
    },
    shift() {
      if (size === 0) return null;
      let lane = lanes[top] as Lane;
      while (lane.head === null) lane = lanes[--top] as Lane;
      const stored = lane.head;
      lane.head = stored.next;
      if (lane.head === null) lane.tail = null;
      stored.next = null;
      size -= 1;
      return stored;
    },
    oldest() {
      let oldest = Infinity;
      for (const { head } of lanes) if (head !== null && head.at < oldest) oldest = head.at;
      return oldest === Infinity ? null : oldest;
    },
  };
}
