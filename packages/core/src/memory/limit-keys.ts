import type { FullKey } from "../backend/job-trace.ts";
import { createHeap, type Heap } from "./heap.ts";
import type { Stored } from "./stored.ts";

/** The jobs of one queue that wait for one key, the next one first. */
export type Line = Heap<Stored>;

/** A queue, as its jobs wait for keys. */
export interface Home {
  /** Puts a job that has waited for a key back among the ready ones, before those that arrived later. */
  wake(stored: Stored): void;
  /** The lines of this queue that have jobs. */
  readonly lines: Set<Line>;
}

/** One key of one limit: the jobs that are leased with it, in every queue, and those that wait for it. */
interface Key {
  readonly name: string;
  readonly leased: Set<Stored>;
  readonly lines: Map<Home, Line>;
}

/** The most leases of one key, by the name of its limit. */
export type Numbers = Readonly<Record<string, number>>;

/**
 * The concurrency keys of one store. A slot is a lease: how many of a key run is how many jobs are leased with it. A job whose
 * key is full is set aside once, in a line, and the end of a lease of the key makes the next one of each queue ready.
 */
export interface LimitKeys {
  leased(stored: Stored): void;
  /** The lease of the job has ended: wakes the next of each of its keys. */
  ended(stored: Stored): void;
  /** Sets the job aside if one of its keys is full. Returns whether it did. */
  setAside(stored: Stored, numbers: Numbers, home: Home): boolean;
  /** Wakes the next job of each of these keys that is not full: a ready job that has them cannot be leased now. */
  passOn(stored: Stored, numbers: Numbers | undefined, home: Home): void;
  /** Whether the job was set aside. */
  isWaiting(stored: Stored): boolean;
  /** The key that the job waits for, with the first `most` of the jobs that have it; null for none. */
  fullKeyOf(stored: Stored, most: number): FullKey | null;
  /** Removes a job that waits for a key. */
  remove(stored: Stored, home: Home): void;
  /** Wakes jobs where the number of a limit was raised. */
  raised(numbers: Numbers): void;
}

/** `woken` is called with each queue that has a job more. */
export function createLimitKeys(woken: (home: Home) => void): LimitKeys {
  const keys = new Map<string, Key>();
  const lineOf = new WeakMap<Stored, Key>();
  /** The number of each limit, as it was asked for last. */
  const asked = new Map<string, number>();

  function keyOf(name: string, value: string): Key {
    const id = `${name.length}:${name}${value}`;
    let key = keys.get(id);
    if (key === undefined) keys.set(id, (key = { name, leased: new Set(), lines: new Map() }));
    return key;
  }

  const keysOf = ({ message }: Stored): Key[] =>
    Object.entries(message.limitKeys ?? {}).map(([name, value]) => keyOf(name, value));

  const isFull = ({ name, leased }: Key, numbers: Numbers): boolean => leased.size >= (numbers[name] ?? Infinity);

  function leave(stored: Stored, home: Home): void {
    const key = lineOf.get(stored);
    const line = key?.lines.get(home);
    if (key === undefined || line === undefined) return;
    line.remove(stored);
    lineOf.delete(stored);
    if (line.size() > 0) return;
    key.lines.delete(home);
    home.lines.delete(line);
  }

  function wakeNext({ lines }: Key, home: Home): void {
    const next = lines.get(home)?.peek();
    if (next === undefined) return;
    leave(next, home);
    home.wake(next);
    woken(home);
  }

  /** Forgets the keys that no job has any more. */
  function forget(stored: Stored): void {
    for (const [name, value] of Object.entries(stored.message.limitKeys ?? {})) {
      const { leased, lines } = keyOf(name, value);
      if (leased.size === 0 && lines.size === 0) keys.delete(`${name.length}:${name}${value}`);
    }
  }

  function passOn(stored: Stored, numbers: Numbers | undefined, home: Home): void {
    for (const key of keysOf(stored)) if (!isFull(key, numbers ?? {})) wakeNext(key, home);
    forget(stored);
  }

  return {
    passOn,
    leased(stored) {
      for (const key of keysOf(stored)) key.leased.add(stored);
    },
    ended(stored) {
      for (const key of keysOf(stored)) {
        if (!key.leased.delete(stored)) continue;
        for (const home of key.lines.keys()) wakeNext(key, home);
      }
      forget(stored);
    },
    setAside(stored, numbers, home) {
      const full = keysOf(stored).find((key) => isFull(key, numbers));
      if (full === undefined) return false;
      let line = full.lines.get(home);
      if (line === undefined) full.lines.set(home, (line = createHeap(isNext)));
      line.push(stored);
      lineOf.set(stored, full);
      home.lines.add(line);
      // It was woken for another of its keys, perhaps: the next one there may start in its place.
      passOn(stored, numbers, home);
      return true;
    },
    isWaiting: (stored) => lineOf.has(stored),
    fullKeyOf(stored, most) {
      const found = lineOf.get(stored);
      if (found === undefined) return null;
      const { name, leased } = found;
      const jobs = [...leased].slice(0, most).map(({ message }) => message.id);
      return { name, key: stored.message.limitKeys?.[name] ?? "", jobs };
    },
    remove(stored, home) {
      leave(stored, home);
      forget(stored);
    },
    raised(numbers) {
      for (const [name, most] of Object.entries(numbers)) {
        const before = asked.get(name);
        asked.set(name, most);
        if (before === undefined || most <= before) continue;
        for (const key of keys.values()) if (key.name === name) fill(key, most);
      }
    },
  };

  function fill(key: Key, most: number): void {
    for (const home of key.lines.keys()) {
      for (let free = most - key.leased.size; free > 0 && key.lines.has(home); free -= 1) wakeNext(key, home);
    }
  }
}

/** Within a key the higher priority is next, and then the one that became ready first. */
function isNext(one: Stored, other: Stored): boolean {
  if (one.message.priority !== other.message.priority) return one.message.priority > other.message.priority;
  return one.at < other.at || (one.at === other.at && one.seq < other.seq);
}
