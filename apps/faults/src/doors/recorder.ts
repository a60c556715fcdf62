import type { EventBus } from "@waybill/core";

/** One of `execute`'s lifecycle events, reduced to what every door must agree on. */
export interface Step {
  readonly name: "started" | "finished";
  readonly id: string;
  readonly type: string;
  readonly attempt: number;
  readonly outcome: string | null;
  readonly code: string | null;
}

/** Keeps the steps of each job up to its first outcome: a job that is put back may come again, and is another story. */
export class Recorder {
  readonly #steps = new Map<string, Step[]>();
  readonly #waiting = new Set<() => void>();

  constructor(events: EventBus) {
    events.on("started", ({ id, type, attempt }) =>
      this.#add({ name: "started", id, type, attempt, outcome: null, code: null }),
    );
    events.on("finished", ({ id, type, attempt, outcome, reason }) =>
      this.#add({ name: "finished", id, type, attempt, outcome, code: reason?.code ?? null }),
    );
  }

  stepsOf(id: string): readonly Step[] {
    return this.#steps.get(id) ?? [];
  }

  async until(id: string, name: Step["name"]): Promise<readonly Step[]> {
    while (!this.stepsOf(id).some((step) => step.name === name)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    return this.stepsOf(id);
  }

  #add(step: Step): void {
    const steps = this.#steps.get(step.id) ?? [];
    if (steps.at(-1)?.name !== "finished") this.#steps.set(step.id, [...steps, step]);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
