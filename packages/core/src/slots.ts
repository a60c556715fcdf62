import type { Held } from "./held.ts";
import { QueueLines } from "./queue-lines.ts";
import { Suspects } from "./suspects.ts";
import { TypeLimits } from "./type-limits.ts";

/** What a worker may run at once. */
export interface SlotSettings {
  readonly concurrency: number;
  /** Quick jobs leased beyond the places, and outcomes being stored besides. 0: no more leases than places. */
  readonly fetchAhead: number;
  /** Each queue's weight, above 0. */
  readonly queues: ReadonlyMap<string, number>;
  /** The most of one type at once, from 1; types that are not named have no limit of their own. */
  readonly typeConcurrency: ReadonlyMap<string, number>;
  /** Losses that bury a job; half as many make it a suspect. Infinity: none is. */
  readonly maxLost: number;
}

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
  readonly #fetchAhead: number;
  readonly #lines: QueueLines;
  readonly #types: TypeLimits;
  readonly #suspects: Suspects;
  readonly #isStopped = (held: Held): boolean => this.isStopped(held);
  #averageMs = SLOW_MS;
  /** Jobs ended since the worker started, or started over. */
  #ended = 0;
  #room: { readonly queue: string; readonly resolve: () => void }[] = [];
  #onRoom: () => void = () => {};

  constructor({ concurrency, fetchAhead, queues, typeConcurrency, maxLost }: SlotSettings) {
    this.concurrency = concurrency;
    this.#fetchAhead = fetchAhead;
    this.#lines = new QueueLines(queues);
    this.#types = new TypeLimits(typeConcurrency);
    this.#suspects = new Suspects(maxLost);
  }

  /** How many leases one queue's loop should ask for now; 0: none until `whenRoom`. */
  wanted(queue: string): number {
    const ahead = this.#ahead();
    if (this.settling >= this.#mostSettling(ahead)) return 0;
    const taken = this.#fetchAhead === 0 ? this.running + this.settling : this.running;
    const free = this.concurrency - taken;
    // What cannot start is put back before long; until then only so much of it is looked through in each queue.
    if (this.#types.stoppedIn(queue) >= Math.max(this.concurrency, ahead)) return 0;
    const waiting = this.waiting - this.#types.stopped;
    // While all places are taken, the line is refilled when half of it is gone: few large calls, not many small ones.
    const isLineLong = waiting > ahead / 2;
    if (free <= 0 && isLineLong) return 0;
    const room = free + ahead - waiting;
    return room <= 0 ? 0 : Math.ceil(room * this.#lines.shareOf(queue));
  }

  /** One queue's loop has asked for leases. */
  asked(queue: string): void {
    this.#lines.asked(queue);
  }

  /** It has its answer, or none will come. */
  answered(queue: string): void {
    this.#lines.answered(queue);
  }

  /** Whether a place would not help it: as many of its type run as may, or it is a suspect that waits to be alone. */
  isStopped(held: Held): boolean {
    return this.isTypeFull(held) || this.#suspects.isHeldUp(held);
  }

  isTypeFull(held: Held): boolean {
    return this.#types.isFull(held);
  }

  /** Takes out of the line what came although nothing is fetched ahead: several queues answered for one free place. */
  takeSurplus(): Held[] {
    return this.#ahead() > 0 ? [] : this.takeWaiting((held) => !this.isStopped(held));
  }

  /** Takes out the suspects that are to go back so that one runs alone; until each `hasLeft`, that one does not start. */
  takeBesideSuspect(): Held[] {
    return this.#suspects.takeBeside((test) => this.takeWaiting(test));
  }

  hasLeft(): void {
    this.#suspects.hasLeft();
    this.announceRoom();
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
    return Math.min(soon, this.#fetchAhead, Math.max(2 * this.#ended, FEW));
  }

  /** Outcomes lag behind by as much as leases are ahead: few large calls on the backend. */
  #mostSettling(ahead: number): number {
    return Math.max(this.concurrency, Math.min(FEW, this.#fetchAhead), ahead);
  }

  add(held: Held): void {
    this.held.add(held);
    this.#suspects.add(held);
    this.#lines.add(held);
    this.#types.waits(held, 1);
    this.waiting += 1;
  }

  /** The next lease to start, from the queue whose turn it is; null when none can, or no place is free. */
  next(): Held | null {
    if (this.waiting === 0 || this.running >= this.concurrency) return null;
    if (this.settling >= this.#mostSettling(this.#ahead())) return null;
    const held = this.#lines.next(this.#isStopped);
    if (held === null) return null;
    this.#types.waits(held, -1);
    this.#types.runs(held, 1);
    this.waiting -= 1;
    this.running += 1;
    held.state = "running";
    return held;
  }

  /** Takes waiting leases back out: those for which `test` holds. */
  takeWaiting(test: (held: Held) => boolean): Held[] {
    const taken = this.#lines.takeAll(test);
    this.waiting -= taken.length;
    for (const held of taken) {
      this.#types.waits(held, -1);
      held.state = "settling";
      this.settling += 1;
    }
    return taken;
  }

  /** The outcome is decided: the place is free, the settle begins. */
  free(held: Held): void {
    held.state = "settling";
    this.#types.runs(held, -1);
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
    this.#suspects.forget(held);
    this.announceRoom();
  }

  /** Calls `listener` whenever something has changed that may have made room. */
  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }

  /** Resolves when something has changed that may have made room; a queue whose turn is near learns of it sooner. */
  whenRoom(queue = ""): Promise<void> {
    return new Promise((resolve) => this.#room.push({ queue, resolve }));
  }

  announceRoom(): void {
    this.#onRoom();
    if (this.#room.length === 0) return;
    const waiters = this.#room;
    this.#room = [];
    if (waiters.length > 1) waiters.sort((a, b) => this.#lines.turnOf(a.queue) - this.#lines.turnOf(b.queue));
    for (const { resolve } of waiters) resolve();
  }
}

/** Jobs this slow are not fetched ahead: another worker may be idle. Also where a new worker starts. */
const SLOW_MS = 1_000;
/** Even at concurrency 1, quick jobs are fetched a few at a time. */
const FEW = 8;
