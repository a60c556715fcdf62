import { monotonicMs, moveClock, wallMs } from "../time/clock.ts";
import { assertDefinition, assertDefinitions } from "../job/check-definition.ts";
import { type Jobs, openConnection } from "../connect/connect.ts";
import { CONNECT_OPTIONS, type ConnectOptions } from "../connect/connect-options.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import { type Duration, durationMs } from "../time/duration.ts";
import { parseEnvelope } from "../envelope/index.ts";
import type { OutcomeEvent } from "../observability/events.ts";
import { assertKnownOptions, type OptionNames } from "../known-options.ts";
import type { Middleware } from "../job/middleware.ts";
import type { SignaturePolicies } from "../signing/signature-policy.ts";
import { assertSchedules, type Schedule } from "../features/schedules/index.ts";
import type { BackendName } from "./likeness.ts";
import { openLike } from "./open-like.ts";
import { createTestSchedules } from "./test-schedules.ts";

/** Options of `connect` that apply without a backend, and the jobs that `drain` runs. */
export interface TestJobsOptions extends Omit<ConnectOptions, "jobs" | "allowVolatile"> {
  /** `drain` runs those with a handler. The others stay in their queue. */
  readonly jobs: readonly JobDefinition[];
  /**
   * The backend that the program runs on. The test jobs then have its limits and refuse what it refuses: delays,
   * priorities, sizes, timeouts, `require`, transactions, `workers()`. Default: the memory backend, without transactions.
   */
  readonly like?: BackendName | undefined;
  /**
   * Called at each `drain`, for programs whose handlers are known later than their definitions. Default: those of `jobs`.
   */
  readonly handlers?: (() => readonly JobDefinition[]) | undefined;
  /** Middleware around each handler that `drain` runs. The first is the outermost. Default none. */
  readonly middleware?: readonly Middleware[] | undefined;
  /** The `signatures` option of the worker, with the connection's `keys`. Use `enqueueBody` for jobs made elsewhere. Default "off". */
  readonly signatures?: SignaturePolicies | undefined;
  /** The `schedules` option of the worker. They tick by the clock that `advance` moves. Default none. */
  readonly schedules?: readonly Schedule[] | undefined;
}

const TEST_JOBS_OPTIONS: OptionNames<TestJobsOptions> = {
  ...CONNECT_OPTIONS,
  like: true,
  handlers: true,
  middleware: true,
  signatures: true,
  schedules: true,
};

/** A connection whose jobs wait in this process until the test runs them, with a clock that the test moves. */
export interface TestJobs extends Jobs {
  /** Returns the payloads of this job enqueued so far, in order, as stored. Running a job does not remove its payload. */
  enqueued<Input, Output>(job: JobDefinition<Input, Output>): Input[];
  /**
   * Fires the schedules that are due, and runs every job that is due, and the jobs that those enqueue, until none is due. Runs one
   * at a time, the one due longest first. Returns how each run ended, in order. A retry stays until `advance` has moved the clock to its time.
   */
  drain(): Promise<OutcomeEvent[]>;
  /**
   * Moves the clock of this process, and drains. Stops on the way at each tick of a schedule, so that every tick runs at its time.
   * `close` resets the clock.
   */
  advance(by: Duration): Promise<OutcomeEvent[]>;
  /** Returns the time of that clock, which events, timestamps and deadlines use. `new Date()` is not affected. */
  now(): Date;
  /**
   * Runs `work` in a transaction, for `enqueueIn` and `completeIn`. Commits when it resolves. When it rejects, rolls back,
   * so that its jobs are not stored, and rejects with the same error. `work` is called with `handle`: your client, or a
   * stub of it. Default: an empty object. Rejects `CAPABILITY_MISSING` unless `like` is a backend that has transactions.
   */
  transaction<T, Handle extends object = object>(work: (handle: Handle) => T | Promise<T>, handle?: Handle): Promise<T>;
}

/**
 * Opens a connection for tests: a `Jobs` in the memory of this process, without log lines, whose jobs a real worker runs when
 * the test calls `drain`. Close it after the test. Rejects as `connect` does.
 */
export async function testJobs(given: TestJobsOptions): Promise<TestJobs> {
  assertKnownOptions(given, TEST_JOBS_OPTIONS, "the options of testJobs");
  const {
    jobs: definitions,
    like,
    handlers = () => definitions,
    middleware = [],
    signatures = "off",
    schedules = [],
    ...options
  } = given;
  assertDefinitions(definitions, "jobs of testJobs");
  const bodies: string[] = [];
  const queues = new Set(definitions.map(({ queue }) => queue));
  const { backend, oneAtATime, inspector, transactions } = openLike(like, ({ body, queue }) => {
    queues.add(queue);
    bodies.push(body);
  });
  assertSchedules(schedules, "schedules of testJobs");
  const opened = await openConnection(async () => backend, { log: "off", ...options, jobs: definitions }, false);
  const { jobs: connection } = opened;
  const ticking = createTestSchedules(opened, schedules);
  const restore: (() => void)[] = [];

  async function drain(): Promise<OutcomeEvent[]> {
    const ended: OutcomeEvent[] = [];
    do ended.push(...(await runDue()));
    while ((await ticking.fire()) || (await opened.sweepFlows()));
    return ended;
  }

  async function advance(byMs: number): Promise<OutcomeEvent[]> {
    const until = monotonicMs() + byMs;
    const ended: OutcomeEvent[] = [];
    const moveTo = (at: number): void => void restore.push(moveClock(Math.max(0, at - monotonicMs())));
    for (;;) {
      const nextInMs = await ticking.nextInMs();
      if (nextInMs === null || monotonicMs() + nextInMs > until) break;
      moveTo(monotonicMs() + nextInMs);
      ended.push(...(await drain()));
    }
    moveTo(until);
    return [...ended, ...(await drain())];
  }

  async function runDue(): Promise<OutcomeEvent[]> {
    const handled = handlers().filter(({ handler }) => handler !== null);
    if (handled.length === 0 || !(await hasWork())) return [];
    const ended: OutcomeEvent[] = [];
    const off = connection.events.on("settled", (event) => void ended.push(event));
    const seen = new Set(queues);
    const open = new Set(seen);
    const offPaused = connection.events.on("paused", ({ queue = "" }) => void open.delete(queue));
    const offResumed = connection.events.on("resumed", ({ queue = "" }) => void (seen.has(queue) && open.add(queue)));
    const worker = connection.worker({ jobs: handled, queues: [...seen], concurrency: 1, middleware, signatures });
    oneAtATime.begin(open);
    await worker.start();
    while (await isBusy(open)) await new Promise((resolve) => setImmediate(resolve));
    const leasing = oneAtATime.end();
    await worker.stop();
    leasing.done();
    for (const end of [off, offPaused, offResumed]) end();
    // A job may have enqueued to a new queue.
    return queues.size > seen.size ? [...ended, ...(await runDue())] : ended;
  }

  const hasWork = async (): Promise<boolean> =>
    (await inspector.counts()).some(({ ready, leased }) => ready + leased > 0);

  /** Whether a job runs, or is due and neither its queue nor its type is paused. */
  async function isBusy(open: ReadonlySet<string>): Promise<boolean> {
    const counts = await inspector.counts();
    return counts.some(
      ({ queue, ready, leased }) =>
        leased > 0 || (open.has(queue) && ready > 0 && !oneAtATime.isExhausted(queue, ready)),
    );
  }

  return {
    ...connection,
    enqueued: <Input, Output>(job: JobDefinition<Input, Output>) => {
      assertDefinition(job, "the job of enqueued");
      return bodies
        .map((body) => parseEnvelope(body))
        .filter(({ type }) => type === job.type)
        .map(({ args }) => (job.positional ? args : args[0]) as Input);
    },
    drain,
    advance: async (by) => advance(durationMs(by, "by")),
    now: () => new Date(wallMs()),
    transaction: async (work, handle) => transactions.run(work, handle ?? ({} as NonNullable<typeof handle>)),
    async close() {
      await connection.close();
      for (const back of restore.splice(0)) back();
    },
  };
}
