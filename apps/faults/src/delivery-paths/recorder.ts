import type { ErrorRecord, EventBus } from "@waybill/core";

const nothing = { outcome: null, code: null, message: null, kept: null, delayed: false, error: null } as const;

/** One lifecycle event of `execute`, with the members that are equal on every delivery path. */
export interface Step {
  readonly name: "started" | "finished";
  readonly id: string;
  readonly type: string;
  readonly attempt: number;
  readonly outcome: string | null;
  readonly code: string | null;
  /** The sentence beside the code; null where there is none. */
  readonly message: string | null;
  /** For a dead job: whether it is kept. Null for other outcomes. */
  readonly kept: boolean | null;
  /** True if the outcome has a delay. Its length is random. */
  readonly delayed: boolean;
  /** The error that the handler threw, without its stack; null where there is none. */
  readonly error: Omit<ErrorRecord, "stack"> | null;
}

/** Keeps the steps of each job up to its first outcome. A job that is released may be delivered again; that is not recorded. */
export class Recorder {
  readonly #steps = new Map<string, Step[]>();
  readonly #waiting = new Set<() => void>();

  constructor(events: EventBus) {
    events.on("started", ({ id, type, attempt }) => this.#add({ ...nothing, name: "started", id, type, attempt }));
    events.on("finished", ({ id, type, attempt, outcome, reason, kept = null, delayMs }) =>
      this.#add({
        name: "finished",
        id,
        type,
        attempt,
        outcome,
        code: reason?.code ?? null,
        message: reason?.message ?? null,
        kept,
        delayed: delayMs !== undefined,
        error: withoutStack(reason?.error),
      }),
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

function withoutStack(error: ErrorRecord | undefined): Step["error"] {
  if (error === undefined) return null;
  const { stack: _, ...rest } = error;
  return rest;
}
