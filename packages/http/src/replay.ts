import type { PushAnswer } from "./push.ts";

/** One request among all that a carrier lets in. */
export interface Once {
  /** No two requests that are fresh until the same moment have it. */
  readonly name: string;
  /** Unix milliseconds from which on the carrier refuses it as stale. */
  readonly freshUntil: number;
  /**
   * What the same request gets when it comes again: a refusal, or the answer that the first one got, where the carrier
   * repeats itself until it is answered.
   */
  readonly again: "refused" | "answered";
}

/** Past requests are looked for this often, at the most. */
const SWEEP_MS = 10_000;
/** Of one endpoint, some 100 bytes each. Beyond it the oldest are forgotten. */
const MOST_NAMES = 1_000_000;

/** For all that completed: most do, and each answer kept would cost more than its name. */
const COMPLETED: PushAnswer = {
  status: 200,
  headers: { "waybill-outcome": "completed", "content-type": "application/json" },
  body: '{"outcome":"completed","repeated":true}',
};

/** The requests that have ended their job, each for as long as it would be taken again, in the memory of this process. */
export class ReplayWindow {
  readonly #now: () => number;
  readonly #most: number;
  /** Names by the moment: what is signed in one second is forgotten as one. Null: to be refused. */
  readonly #fresh = new Map<number, Map<string, PushAnswer | null>>();
  #size = 0;
  #sweptAt: number;

  constructor(now: () => number, most: number = MOST_NAMES) {
    this.#now = now;
    this.#most = most;
    this.#sweptAt = now();
  }

  get size(): number {
    return this.#size;
  }

  /** Undefined: it is new. Null: it came before and is to be refused. Else the answer it has had. */
  find({ name, freshUntil }: Once): PushAnswer | null | undefined {
    return this.#fresh.get(freshUntil)?.get(name);
  }

  remember({ name, freshUntil, again }: Once, answer: PushAnswer): void {
    this.#sweep();
    const names = this.#fresh.get(freshUntil) ?? new Map<string, PushAnswer | null>();
    this.#fresh.set(freshUntil, names);
    if (!names.has(name)) this.#size += 1;
    names.set(name, again === "refused" ? null : answer.status === 200 ? COMPLETED : answer);
    for (const moment of this.#fresh.keys()) {
      if (this.#size <= this.#most) return;
      this.#forget(moment);
    }
  }

  #forget(moment: number): void {
    this.#size -= this.#fresh.get(moment)?.size ?? 0;
    this.#fresh.delete(moment);
  }

  #sweep(): void {
    const now = this.#now();
    if (Math.abs(now - this.#sweptAt) < SWEEP_MS) return;
    this.#sweptAt = now;
    for (const moment of this.#fresh.keys()) if (moment < now) this.#forget(moment);
  }
}
