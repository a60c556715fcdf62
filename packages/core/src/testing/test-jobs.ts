import type { Answer, Receipt } from "../backend.ts";
import { moveClock } from "../clock.ts";
import { connect, CONNECT_OPTIONS, type ConnectOptions, type Jobs } from "../connect.ts";
import type { JobDefinition } from "../define-job.ts";
import { type Duration, durationMs } from "../duration.ts";
import { parseEnvelope } from "../envelope/index.ts";
import type { OutcomeEvent } from "../events.ts";
import { assertKnownOptions, type OptionNames } from "../known-options.ts";
import { memoryBackend } from "../memory/index.ts";
import type { Middleware } from "../middleware.ts";
import type { SignaturePolicies } from "../signature-policy.ts";

/** Those of `connect` that make sense without a backend, and what `drain` runs. */
export interface TestJobsOptions extends Omit<ConnectOptions, "jobs" | "allowVolatile"> {
  /** Those with handlers run by `drain`; the others stay where they are enqueued. */
  readonly jobs: readonly JobDefinition[];
  /**
   * Asked at each `drain`, for programs that know their handlers later than their definitions. Default: those of
   * `jobs`.
   */
  readonly handlers?: () => readonly JobDefinition[];
  /** Around each handler that `drain` runs; the first is the outermost. Default none. */
  readonly middleware?: readonly Middleware[];
  /** What a worker would be told, with the connection's `keys`: what somebody else made is put in by `enqueueBody`. */
  readonly signatures?: SignaturePolicies;
}

const TEST_JOBS_OPTIONS: OptionNames<TestJobsOptions> = {
  ...CONNECT_OPTIONS,
  handlers: true,
  middleware: true,
  signatures: true,
};

/** A connection whose jobs wait in this process until the test runs them, on a clock that the test moves. */
export interface TestJobs extends Jobs {
  /** Its payloads enqueued so far. In order, as they travel. Nothing is taken away. */
  enqueued<Input, Output>(job: JobDefinition<Input, Output>): Input[];
  /**
   * Runs every job that is due. One at a time, with what those enqueue, until none is due. Answers how each run
   * ended, in order. A retry waits for its time: `advance` brings it.
   */
  drain(): Promise<OutcomeEvent[]>;
  /** Moves the clock forward, then drains. It is the clock of this process; `close` sets it right again. */
  advance(by: Duration): Promise<OutcomeEvent[]>;
}

/**
 * Jobs that run when the test says so. A `Jobs` on the memory backend, silent, with a real worker. Close it after the
 * test. Rejects what `connect` would reject.
 */
export async function testJobs({
  jobs: definitions,
  handlers = () => definitions,
  middleware = [],
  signatures = "off",
  ...options
}: TestJobsOptions): Promise<TestJobs> {
  assertKnownOptions({ jobs: definitions, ...options }, TEST_JOBS_OPTIONS, "the options of testJobs");
  const bodies: string[] = [];
  const queues = new Set(definitions.map(({ queue }) => queue));
  const open = memoryBackend({ allowVolatile: true, address: "memory:test" });
  const connection = await connect(
    async () => {
      const backend = await open();
      const enqueue: typeof backend.enqueue = async (messages) => {
        const answers = await backend.enqueue(messages);
        for (const [at, { body, queue }] of messages.entries()) {
          queues.add(queue);
          if (isStored(answers[at])) bodies.push(body);
        }
        return answers;
      };
      return { ...backend, enqueue };
    },
    { log: "off", ...options, jobs: definitions },
  );
  const restore: (() => void)[] = [];

  async function drain(): Promise<OutcomeEvent[]> {
    const handled = handlers().filter(({ handler }) => handler !== null);
    if (handled.length === 0) return [];
    const ended: OutcomeEvent[] = [];
    const off = connection.events.on("settled", (event) => void ended.push(event));
    const seen = new Set(queues);
    const worker = connection.worker({ jobs: handled, queues: [...seen], concurrency: 1, middleware, signatures });
    await worker.start();
    while (await isBusy(seen)) await new Promise((resolve) => setImmediate(resolve));
    await worker.stop();
    off();
    // A job may have gone to a queue that was new to us.
    return queues.size > seen.size ? [...ended, ...(await drain())] : ended;
  }

  async function isBusy(seen: ReadonlySet<string>): Promise<boolean> {
    const counts = (await connection.inspector?.counts()) ?? [];
    return counts.some(({ queue, ready, leased }) => seen.has(queue) && ready + leased > 0);
  }

  return {
    ...connection,
    enqueued: <Input, Output>(job: JobDefinition<Input, Output>) =>
      bodies
        .map((body) => parseEnvelope(body))
        .filter(({ type }) => type === job.type)
        .map(({ args }) => (job.positional ? args : args[0]) as Input),
    drain,
    async advance(by) {
      restore.push(moveClock(durationMs(by, "by")));
      return drain();
    },
    async close() {
      await connection.close();
      for (const back of restore.splice(0)) back();
    },
  };
}

const isStored = (answer: Answer<Receipt> | undefined): boolean => answer?.ok === true && answer.value.stored;
