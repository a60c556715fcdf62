import type { Capabilities } from "../backend/capabilities.ts";
import type { Message } from "../backend/contract.ts";
import { monotonicMs } from "../time/clock.ts";
import { createHeap, type Timed } from "./heap.ts";
import type { Stored } from "./stored.ts";

/** One taken key, and the message that has it. */
interface TakenKey extends Timed {
  readonly name: string;
  readonly stored: Stored;
}

/** The unique keys of one store, each with the message that has it. */
export interface UniqueKeys {
  /** Returns the message that has the key of this one; null when the key is free, or when the message has none. */
  rivalOf(message: Message): Stored | null;
  /** Gives the message its key, from now on. Another message that had it has it no more. */
  take(stored: Stored): void;
  /** Frees a key that is taken until the start. Called at every lease. */
  started(stored: Stored): void;
  /** Frees a key that is taken until the end. Called when the message has left the queue for good, or is a dead letter. */
  ended(stored: Stored): void;
}

/** Where the backend does not declare `uniqueKeys`, every key is free. */
export function createUniqueKeys({ uniqueKeys = false }: Capabilities): UniqueKeys {
  const taken = new Map<string, TakenKey>();
  /** Those that are taken for a time. */
  const timed = createHeap<TakenKey>();

  function remove(entry: TakenKey): void {
    taken.delete(entry.name);
    if (entry.slot !== -1) timed.remove(entry);
  }

  function removeExpired(now: number): void {
    for (let next = timed.peek(); next !== undefined && next.at <= now; next = timed.peek()) remove(next);
  }

  function free(stored: Stored): void {
    const entry = taken.get(nameOf(stored.message));
    if (entry?.stored === stored) remove(entry);
  }

  return {
    rivalOf(message) {
      if (!uniqueKeys || message.unique === undefined) return null;
      removeExpired(monotonicMs());
      return taken.get(nameOf(message))?.stored ?? null;
    },
    take(stored) {
      const { message, seq } = stored;
      if (!uniqueKeys || message.unique === undefined) return;
      const { until } = message.unique;
      const name = nameOf(message);
      const before = taken.get(name);
      if (before !== undefined) remove(before);
      const at = typeof until === "number" ? monotonicMs() + until : Infinity;
      const entry: TakenKey = { name, stored, seq, at, slot: -1 };
      taken.set(name, entry);
      if (at !== Infinity) timed.push(entry);
    },
    started(stored) {
      if (stored.message.unique?.until === "start") free(stored);
    },
    ended(stored) {
      const until = stored.message.unique?.until;
      if (until === "end" || until === "start") free(stored);
    },
  };
}

/** Two messages are equal when their type and their key are. */
function nameOf({ type, unique }: Message): string {
  return JSON.stringify([type, unique?.key]);
}
