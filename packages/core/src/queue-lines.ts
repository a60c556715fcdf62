import type { Held } from "./held.ts";

interface Line {
  readonly queue: string;
  readonly weight: number;
  held: Held[];
  /** Starts so far over weight: the line that is least far on is next. */
  turn: number;
  /** Since when its lease call has been without an answer, on the monotonic clock; null while none is open. */
  askedAt: number | null;
}

/**
 * What waits in a worker, a line for each queue, and whose turn it is: starts are shared by weight while all have
 * work. A line that was empty joins at the turn of the others, so that it neither starves nor makes up for its rest.
 */
export class QueueLines {
  readonly #lines: Line[];
  readonly #byQueue: Map<string, Line>;
  /** The turn of the line that started last, before it started. */
  #turn = 0;

  constructor(weights: ReadonlyMap<string, number>) {
    this.#lines = [...weights].map(([queue, weight]) => emptyLine(queue, weight));
    this.#byQueue = new Map(this.#lines.map((line) => [line.queue, line]));
  }

  /** One of a queue that nobody asked for has a line, too: else it would be held for as long as the worker lives. */
  add(held: Held): void {
    const { queue } = held.lease;
    const line = this.#byQueue.get(queue) ?? emptyLine(queue, 1);
    if (!this.#byQueue.has(queue)) {
      this.#byQueue.set(queue, line);
      this.#lines.push(line);
    }
    if (line.held.length === 0) line.turn = Math.max(line.turn, this.#turn);
    line.held.push(held);
  }

  /** Takes the first of the line whose turn it is, passing over those that `isStopped`. Null when none is left. */
  next(isStopped: ((held: Held) => boolean) | null): Held | null {
    let first: Line | null = null;
    let at = 0;
    for (const line of this.#lines) {
      if (line.held.length === 0 || (first !== null && line.turn >= first.turn)) continue;
      const index = isStopped === null ? 0 : line.held.findIndex((held) => !isStopped(held));
      if (index < 0) {
        // As good as empty: it does not make up for this either.
        line.turn = Math.max(line.turn, this.#turn);
        continue;
      }
      first = line;
      at = index;
    }
    if (first === null) return null;
    this.#turn = first.turn;
    first.turn += 1 / first.weight;
    const held = at === 0 ? first.held.shift() : first.held.splice(at, 1)[0];
    return held ?? null;
  }

  /** Takes out all for which `test` holds. */
  takeAll(test: (held: Held) => boolean): Held[] {
    const taken: Held[] = [];
    for (const line of this.#lines) {
      if (line.held.length === 0) continue;
      const rest: Held[] = [];
      for (const held of line.held) (test(held) ? taken : rest).push(held);
      line.held = rest;
    }
    return taken;
  }

  asked(queue: string): void {
    const line = this.#byQueue.get(queue);
    if (line) line.askedAt = performance.now();
  }

  answered(queue: string): void {
    const line = this.#byQueue.get(queue);
    if (line) line.askedAt = null;
  }

  /** The part of all room that is this queue's, above 0 to 1: by weight among those that seem to have work. */
  shareOf(queue: string): number {
    const own = this.#byQueue.get(queue)?.weight ?? 1;
    if (this.#lines.length === 1) return 1;
    const now = performance.now();
    let all = own;
    for (const { queue: other, weight, askedAt } of this.#lines) {
      if (other !== queue && (askedAt === null || now - askedAt < IDLE_MS)) all += weight;
    }
    return own / all;
  }

  /** The lower, the sooner its turn. */
  turnOf(queue: string): number {
    return this.#byQueue.get(queue)?.turn ?? 0;
  }
}

function emptyLine(queue: string, weight: number): Line {
  return { queue, weight, held: [], turn: 0, askedAt: null };
}

/** A queue that has let a call wait this long has no work. */
const IDLE_MS = 50;
