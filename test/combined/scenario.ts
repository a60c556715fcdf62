import { below, randomOf } from "../../packages/core/src/testing/random.ts";

/** What a run of the job does. The last entry of a job's `runs` holds for all that follow. */
export type Run = "completes" | "fails" | "declined" | "dead_letters" | "discards" | "later";

/** The options one job was enqueued with; absent: not given. Times in milliseconds. */
export interface PlannedJob {
  readonly delayMs?: number;
  readonly expiresInMs?: number;
  readonly priority?: number;
  readonly tenant?: string;
  readonly queue?: string;
  readonly retry?: PlannedRetry;
  readonly signed?: true;
  /** Of the producer's definition. Absent: 1. */
  readonly version?: number;
  readonly runs: readonly Run[];
}

export interface PlannedRetry {
  readonly maxAttempts?: number;
  readonly initial?: number;
  readonly factor?: number;
  readonly max?: number;
  readonly jitter?: boolean;
  readonly nonRetryable?: readonly string[];
  readonly onExhaustion?: "dead_letter" | "discard";
}

/** Jobs enqueued together, and the worker they meet. */
export interface Scenario {
  readonly seed: number;
  readonly jobs: readonly PlannedJob[];
  /** The definition's. */
  readonly retry: PlannedRetry;
  readonly signatures: "off" | "optional" | "required";
  /** When a worker that knows version 3 takes over from one that knows version 2. */
  readonly upgradeAfterMs: number;
}

const MINUTE = 60_000;

export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed);
  const roll = (sides: number): number => below(random, sides);
  const pick = <T>(...from: readonly T[]): T => from[roll(from.length)]!;
  const maybe = <T extends object>(one: T): T | object => (roll(2) === 0 ? one : {});

  const retry = (): PlannedRetry => ({
    ...maybe({ maxAttempts: pick(1, 2, 3) }),
    ...maybe({ initial: pick(1_000, 7_500, MINUTE) }),
    ...maybe({ factor: pick(1, 1.5, 3) }),
    ...maybe({ max: pick(2_000, MINUTE) }),
    ...maybe({ jitter: false }),
    ...maybe({ nonRetryable: pick(["card.declined"], ["card.*"], ["cards.*"], []) }),
    ...maybe({ onExhaustion: pick("discard" as const, "dead_letter" as const) }),
  });
  const job = (): PlannedJob => {
    const delayMs = pick(1, 1_500, MINUTE);
    return {
      ...maybe({ delayMs }),
      ...maybe({ expiresInMs: pick(delayMs + 1, delayMs + 2_000, delayMs + 3 * MINUTE) }),
      ...maybe({ priority: pick(-100, -1, 0, 1, 50, 100) }),
      ...maybe({ tenant: pick("acme", "umbrella") }),
      ...maybe({ queue: "other" }),
      ...maybe({ retry: retry() }),
      ...maybe({ signed: true }),
      ...maybe({ version: pick(1, 2, 3) }),
      runs: [
        ...Array.from({ length: roll(4) }, () =>
          pick<Run>("fails", "fails", "declined", "later", "dead_letters", "discards"),
        ),
        pick<Run>("completes", "fails"),
      ],
    };
  };
  return {
    seed,
    jobs: Array.from({ length: 1 + roll(8) }, job),
    retry: retry(),
    signatures: pick("off", "off", "optional", "required"),
    upgradeAfterMs: pick(0, 4_000, 5 * MINUTE),
  };
}

/** The same with one thing less, each in turn: what a failure is cut down by. */
export function* smaller(scenario: Scenario): Generator<Scenario> {
  const { jobs, retry } = scenario;
  for (const [at, job] of jobs.entries()) {
    const others = (one: PlannedJob[]): Scenario => ({ ...scenario, jobs: jobs.toSpliced(at, 1, ...one) });
    if (jobs.length > 1) yield others([]);
    for (const option of Object.keys(job)) if (option !== "runs") yield others([without(job, option)]);
    if (job.retry)
      for (const member of Object.keys(job.retry)) yield others([{ ...job, retry: without(job.retry, member) }]);
    if (job.runs.length > 1) yield others([{ ...job, runs: job.runs.slice(1) }]);
  }
  for (const member of Object.keys(retry)) yield { ...scenario, retry: without(retry, member) };
  if (scenario.signatures !== "off") yield { ...scenario, signatures: "off" };
}

function without<T extends object>(value: T, member: string): T {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== member)) as T;
}
