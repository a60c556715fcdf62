import type { Held } from "./held.ts";

/**
 * The places of one worker: which leases wait, which run, which are being settled. A place frees at the outcome;
 * what is being settled is bounded too, so that a slow backend slows the worker down.
 */
export class Slots {
  readonly concurrency: number;
  readonly held: Set<Held> = new Set();
  running = 0;
  settling = 0;
  waiting = 0;
  readonly #queues: readonly string[];
  readonly #lines = new Map<string, Held[]>();
  #turn = 0;
  #averageMs = SLOW_MS;
  /** Jobs ended since the worker started, or started over. */
  #ended = 0;
  #room: (() => void)[] = [];
  #onRoom: () => void = () => {};

  constructor(concurrency: number, queues: readonly string[]) {
    this.concurrency = concurrency;
    this.#queues = queues;
    for (const queue of queues) this.#lines.set(queue, []);
  }

  /** How many leases one queue's loop should ask for now; 0: none until `whenRoom`. */
  wanted(): number {
    const ahead = this.#ahead();
    if (this.settling >= this.#mostSettling(ahead)) return 0;
    const free = this.concurrency - this.running;
    // While all places are taken, the line is refilled when half of it is gone: few large calls, not many small ones.
    const isLineLong = this.waiting > ahead / 2;
    if (free <= 0 && isLineLong) return 0;
    const room = free + ahead - this.waiting;
    return room <= 0 ? 0 : Math.ceil(room / this.#queues.length);
  }

  /** Takes out of the line what came although nothing is fetched ahead: several queues answered for one free place. */
  takeSurplus(): Held[] {
    return this.#ahead() > 0 ? [] : this.takeWaiting(() => true);
  }

  /**
   * Jobs have turned out to be long, or their outcomes are not taken: nothing is fetched ahead until some end quickly
   * again, and then more by and by.
   */
  startOver(): void {
    this.#averageMs = SLOW_MS;
    this.#ended = 0;
  }

  /**
   * Jobs worth fetching before a place is free: what the places would finish in a tenth of a second, but no more than
   * twice what they have finished so far. A job that kills its worker at once takes few others with it.
   */
  #ahead(): number {
    if (this.#averageMs >= SLOW_MS) return 0;
    const soon = Math.ceil((this.concurrency * 100) / Math.max(this.#averageMs, 0.1));
    return Math.min(soon, Math.max(this.concurrency, MOST_AHEAD), Math.max(2 * this.#ended, FEW));
  }

  /** Outcomes lag behind by as much as leases are ahead: few large calls on the backend. */
  #mostSettling(ahead: number): number {
    return Math.max(this.concurrency, FEW, ahead);
  }

  add(held: Held): void {
    this.held.add(held);
    this.#lines.get(held.lease.queue)?.push(held);
    this.waiting += 1;
  }

  /** The next lease to start, the queues taking turns; null when none waits or no place is free. */
  next(): Held | null {
    if (this.waiting === 0 || this.running >= this.concurrency) return null;
    if (this.settling >= this.#mostSettling(this.#ahead())) return null;
    for (let step = 0; step < this.#queues.length; step++) {
      const queue = this.#queues[this.#turn++ % this.#queues.length] ?? "";
      const held = this.#lines.get(queue)?.shift();
      if (held === undefined) continue;
      this.waiting -= 1;
      this.running += 1;
      held.state = "running";
      return held;
    }
    return null;
  }

  /** Takes waiting leases back out: those for which `test` holds. */
  takeWaiting(test: (held: Held) => boolean): Held[] {
    const taken: Held[] = [];
    for (const [queue, line] of this.#lines) {
      if (line.length === 0) continue;
      const rest: Held[] = [];
      for (const held of line) (test(held) ? taken : rest).push(held);
      this.#lines.set(queue, rest);
    }
    this.waiting -= taken.length;
    for (const held of taken) {
      held.state = "settling";
      this.settling += 1;
    }
    return taken;
  }

  /** The outcome is decided: the place is free, the settle begins. */
  free(held: Held): void {
    held.state = "settling";
    this.running -= 1;
    this.settling += 1;
    this.#ended += 1;
    this.#averageMs += (held.ranMs - this.#averageMs) * 0.1;
    this.announceRoom();
  }

  /** The settle has ended, well or badly. */
  forget(held: Held): void {
    this.settling -= 1;
    this.held.delete(held);
    this.announceRoom();
  }

  /** Calls `listener` whenever something has changed that may have made room. */
  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }

  /** Resolves when something has changed that may have made room. */
  whenRoom(): Promise<void> {
    return new Promise((resolve) => this.#room.push(resolve));
  }

  announceRoom(): void {
    this.#onRoom();
    if (this.#room.length === 0) return;
    for (const resolve of this.#room.splice(0)) resolve();
  }
}

/** Jobs this slow are not fetched ahead: another worker may be idle. Also where a new worker starts. */
const SLOW_MS = 1_000;
/** Even at concurrency 1, quick jobs are fetched a few at a time. */
const FEW = 8;
/** A worker that dies leaves so many leases to run out, and may have ended as many jobs that run again. */
const MOST_AHEAD = 500;
