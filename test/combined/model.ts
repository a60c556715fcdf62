import { createHash } from "node:crypto";
import type { PlannedJob, PlannedRetry, Scenario } from "./scenario.ts";

/** How one delivery of one job ends. */
export interface Ending {
  readonly id: string;
  readonly attempt: number;
  readonly outcome: "completed" | "retry" | "release" | "dead";
  /** Null for a job that completed. */
  readonly code: string | null;
  /** Until the next delivery; null where there is none. */
  readonly delayMs: number | null;
}

/** What is known of a job between two deliveries. */
interface Waiting {
  readonly id: string;
  readonly job: PlannedJob;
  dueAt: number;
  attempt: number;
  releases: number;
  runs: number;
}

/** Spec 1.0, "Who wins, and the defaults". */
const DEFAULTS: Required<PlannedRetry> = {
  maxAttempts: 10,
  initial: 5_000,
  factor: 2,
  max: 3_600_000,
  jitter: true,
  nonRetryable: [],
  onExhaustion: "dead_letter",
};

/** What must happen to the jobs of a scenario, written from the spec's pages alone. `startedAt`: when all were enqueued. */
export function modelOf(scenario: Scenario, ids: readonly string[], startedAt: number) {
  const waiting = scenario.jobs.map((job, at): Waiting => ({
    id: ids[at]!,
    job,
    dueAt: startedAt + (job.delayMs ?? 0),
    attempt: 1,
    releases: 0,
    runs: 0,
  }));
  /** By id: the code of each dead letter that is kept. */
  const kept = new Map<string, string>();

  function endingOf(one: Waiting, now: number): Omit<Ending, "id" | "attempt"> {
    const { job, id, attempt, releases } = one;
    const policy = { ...DEFAULTS, ...scenario.retry, ...job.retry };
    const dead = (code: string) => ({ outcome: "dead" as const, code, delayMs: null });
    if (scenario.signatures === "required" && job.signed === undefined) return dead("SIGNATURE_INVALID");
    if (job.expiresInMs !== undefined && now >= startedAt + job.expiresInMs) return dead("EXPIRED");
    if ((job.version ?? 1) > knownAt(now)) {
      const waited = now - startedAt - (job.delayMs ?? 0);
      const delayMs = Math.min(5_000 * 2 ** releases, Math.max(waited, 5_000), 3_600_000);
      return { outcome: "release", code: "JOB_UNKNOWN", delayMs };
    }
    const run = job.runs[one.runs++] ?? job.runs.at(-1)!;
    if (run === "completes") return { outcome: "completed", code: null, delayMs: null };
    if (run === "dead_letters") return dead("DEAD_LETTERED");
    if (run === "discards") return dead("DISCARDED");
    if (run === "later") return { outcome: "release", code: "RETRY_LATER", delayMs: 30_000 };
    if (run === "declined" && policy.nonRetryable.some((name) => name === "card.declined" || name === "card.*")) {
      return dead("NON_RETRYABLE");
    }
    if (attempt >= policy.maxAttempts) return dead("ATTEMPTS_EXHAUSTED");
    return {
      outcome: "retry",
      code: run === "declined" ? "card.declined" : "Error",
      delayMs: waitAfter(id, attempt, policy),
    };
  }

  const knownAt = (now: number): number => (now < startedAt + scenario.upgradeAfterMs ? 2 : 3);

  return {
    kept,
    knownAt,
    /** When something happens next; Infinity: nothing more does. */
    nextAt: (): number => Math.min(...waiting.map(({ dueAt }) => dueAt)),
    /** How every job that is due now ends its delivery, and goes on waiting or does not. */
    endingsAt(now: number): Ending[] {
      return waiting
        .filter(({ dueAt }) => dueAt <= now)
        .map((one) => {
          const { id, attempt, job } = one;
          const ending = { id, attempt, ...endingOf(one, now) };
          one.dueAt = ending.delayMs === null ? Infinity : now + ending.delayMs;
          if (ending.outcome === "retry") one.attempt++;
          if (ending.outcome === "release") one.releases++;
          const forgotten = { ...DEFAULTS, ...scenario.retry, ...job.retry }.onExhaustion === "discard";
          const isDiscarded = ending.code === "DISCARDED" || (ending.code === "ATTEMPTS_EXHAUSTED" && forgotten);
          if (ending.outcome === "dead" && !isDiscarded) kept.set(id, ending.code!);
          return ending;
        });
    },
  };
}

/** Spec 1.0, "How long a retry waits". */
function waitAfter(id: string, failure: number, { initial, factor, max, jitter }: Required<PlannedRetry>): number {
  let wait = Math.min(initial, max);
  for (let step = 1; step < failure; step++) wait = Math.min(wait * factor, max);
  const hash = createHash("sha256").update(`${id}:${failure}`).digest().readUIntBE(0, 6);
  return Math.min(Math.floor(jitter ? wait * (0.5 + hash / 2 ** 48) : wait), max);
}
