import type { Answer, Backend, BackendContext, BackendFactory, Receipt, Signature } from "./backend.ts";
import { within } from "./deadline.ts";
import { assertDefinitions } from "./check-definition.ts";
import type { JobDefinition } from "./define-job.ts";
import { timerMs } from "./duration.ts";
import type { EnqueueCounts, EnqueueListener } from "./enqueue-many.ts";
import type { EnqueueItem, EnqueueOptions, FittingItem } from "./enqueue-options.ts";
import { WaybillError } from "./errors.ts";
import { EventBus } from "./events.ts";
import { assertKnownOptions, shown } from "./known-options.ts";
import { backendJudge, logger, signer } from "./load-on-demand.ts";
import { createProducerSeam, type ProducerSeam } from "./producer-seam.ts";
import { createProducer } from "./producer.ts";
import { PRODUCER_OPTIONS, type ProducerOptions } from "./producer-options.ts";
import { demandAll } from "./registry.ts";
import { factoryFor } from "./schemes.ts";
import type { KeyRing } from "./signing.ts";

/** The producing half of a connection to one backend. */
export interface Producer {
  /** Where it is, without secrets, and what it can do. */
  readonly backend: Pick<Backend, "name" | "address" | "capabilities">;
  readonly events: EventBus;
  /**
   * Gives a job to its queue. Resolves once it is as durable as the backend promises. Rejects `PAYLOAD_INVALID`,
   * `ENVELOPE_INVALID`, `CONFIG_INVALID`, `JOB_UNKNOWN`, `CAPABILITY_MISSING`, `ID_CONFLICT`, `BACKEND_FULL`,
   * `BACKEND_CLOSED` or `BACKEND_UNAVAILABLE`: nothing was stored; or `ENQUEUE_UNKNOWN`, an `EnqueueUnknownError` with
   * the job's id: the job may be stored or not.
   * By a type's name, for jobs whose definition lives elsewhere, the payload is checked only by who runs it.
   */
  enqueue<Input = unknown>(
    job: JobDefinition<Input, unknown> | string,
    payload: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<Receipt>;
  /**
   * As `enqueue`, within your transaction. It is one on the same database: the job is there once you commit, and never
   * was if you roll back. What fits is for the backend's package to say. `CAPABILITY_MISSING` where the backend has none.
   */
  enqueueIn<Input = unknown>(
    transaction: unknown,
    job: JobDefinition<Input, unknown> | string,
    payload: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<Receipt>;
  /**
   * Stores an envelope that somebody else made. It stays as it is, byte for byte, and keeps the signature it came
   * with. Rejects as `enqueue` does; `ENVELOPE_INVALID` for a body that is none. Up to what the backend takes:
   * `maxBodyBytes` is for our own.
   */
  enqueueBody(body: string, signature?: Signature | null): Promise<Receipt>;
  /**
   * Enqueues many, and returns what became of each. In order; an item that fails does not sink its neighbours. An item is
   * stored (`ok`), not stored, or, with `ENQUEUE_UNKNOWN` and its id, handed over and not answered. Items are sent at the
   * backend's pace. Once it has stored nothing for `enqueueTimeout`, the rest is not sent: `BACKEND_UNAVAILABLE`. Never
   * rejects.
   */
  enqueueMany<Inputs extends readonly unknown[]>(
    items: readonly [...{ [At in keyof Inputs]: EnqueueItem<Inputs[At]> }],
  ): Promise<Answer<Receipt>[]>;
  /**
   * As above, from a generator or any other iterable of any length, in flat memory. It is read as the backend takes its
   * items. `told` hears what became of each, in the order in which they end. Rejects, once `told` has heard of every item
   * that was read, with what the source or `told` throws, or `BACKEND_UNAVAILABLE` when it stops; the source's `return()`
   * is then called.
   */
  enqueueMany<Item extends { readonly job: unknown; readonly payload: unknown }>(
    source: Iterable<Item & FittingItem<Item>> | AsyncIterable<Item & FittingItem<Item>>,
    told: EnqueueListener<Item>,
  ): Promise<EnqueueCounts>;
  /**
   * Lets pending calls end and closes the backend, which together take `closeTimeout` at the longest. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * As `connect`, to enqueue only. A bundler leaves the worker out. The backend is opened by its URL, or by a
 * factory from a backend package. Rejects with the way out in the message.
 */
export async function connectProducer(
  target: string | BackendFactory,
  options: ProducerOptions = {},
): Promise<Producer> {
  assertKnownOptions(options, PRODUCER_OPTIONS, "the options of connectProducer");
  return (await openProducer(target, options, producing)).producer;
}

/** The half of a connection that workers need, which a producer is opened without. */
export interface Half<S extends ProducerSeam> {
  /**
   * How a backend judges what foreign producers left in its inbox, by the capabilities it has once it is open, and what it
   * reports to. Called once, before the backend is opened.
   */
  readonly context: (has: () => Backend["capabilities"], events: EventBus) => BackendContext;
  readonly seam: (backend: Backend, timeoutMs: number) => S;
}

/** An inbox is emptied by whoever leases. */
const producing: Half<ProducerSeam> = {
  context: () => ({
    admit() {
      throw new WaybillError("CONFIG_INVALID", "a connection made by connectProducer leases nothing; use connect");
    },
    report: { rejected() {}, failed() {}, succeeded() {} },
  }),
  seam: createProducerSeam,
};

/** What `connect` adds its workers to. */
export interface OpenProducer<S extends ProducerSeam> {
  readonly producer: Producer;
  /** As it was opened: an inspector and a doctor are found on it alone. */
  readonly raw: Backend;
  readonly seam: S;
  /** NODE_ENV, or "development". */
  readonly env: string;
  /** Null: jobs are not signed. */
  readonly keys: KeyRing | null;
}

export async function openProducer<S extends ProducerSeam>(
  target: string | BackendFactory,
  options: ProducerOptions,
  half: Half<S>,
): Promise<OpenProducer<S>> {
  assertTarget(target);
  if (options.jobs !== undefined) assertDefinitions(options.jobs, "jobs of the connection");
  const factory = typeof target === "string" ? await factoryFor(target, options.allowVolatile === true) : target;
  const enqueueTimeoutMs = timerMs(options.enqueueTimeout ?? "10s", "enqueueTimeout");
  const closeTimeoutMs = timerMs(options.closeTimeout ?? "2s", "closeTimeout");
  const known = options.jobs ? byType(options.jobs) : null;
  const { keys, sign } = await signer(options.keys);
  const { telemetry = null } = options;
  const tracing = telemetry && (await import("./traced-send.ts"));
  const judge = await backendJudge(options);
  let opened: Backend | null = null;
  const events = new EventBus();
  const context = half.context(() => {
    if (opened) return opened.capabilities;
    throw new WaybillError("CONFIG_INVALID", "a backend may admit messages only once it is open");
  }, events);
  const backend = await factory(context);
  opened = backend;
  const env = process.env["NODE_ENV"] ?? "development";
  for (const { type } of options.jobs ?? []) events.types.add(type);
  const log = await logger(events, options.log);
  await closingOnThrow(backend, () => {
    judge(backend);
    for (const job of options.jobs ?? []) demandAll(job, backend.capabilities);
  });
  const seam = half.seam(backend, enqueueTimeoutMs);
  const calls = createProducer({
    seam,
    events,
    known,
    source: options.source ?? null,
    maxBodyBytes: options.maxBodyBytes ?? 262_144,
    production: env === "production",
    sign,
    enqueueTimeoutMs,
    tracedSend: telemetry && tracing && tracing.createTracedSend(telemetry, backend),
  });
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    const until = performance.now() + closeTimeoutMs;
    try {
      await within(seam.whenIdle(), closeTimeoutMs);
      await within(backend.close(), Math.max(until - performance.now(), 50));
    } finally {
      await log.flush();
    }
  }

  const producer: Producer = {
    backend: { name: backend.name, address: backend.address, capabilities: backend.capabilities },
    events,
    enqueue: (job: JobDefinition | string, payload: unknown, enqueueOptions?: EnqueueOptions) =>
      calls.enqueue(job, payload, enqueueOptions),
    enqueueIn: (transaction: unknown, job: JobDefinition | string, payload: unknown, enqueueOptions?: EnqueueOptions) =>
      calls.enqueueIn(transaction, job, payload, enqueueOptions),
    enqueueBody: (body, signature = null) => calls.enqueueBody(body, signature),
    enqueueMany: calls.enqueueMany as Producer["enqueueMany"],
    close: () => (closing ??= close()),
  };
  return { producer, raw: backend, seam, env, keys };
}

/** An environment variable that is not set is the commonest mistake of a first deployment. */
function assertTarget(target: unknown): void {
  if (typeof target === "string" || typeof target === "function") return;
  const said = target === undefined ? "undefined; is the environment variable set?" : `${shown(target)}.`;
  throw new WaybillError(
    "CONFIG_INVALID",
    `the backend's URL is ${said} Pass one such as "sqlite:./waybill.db", or a factory such as sqlite({ file })`,
  );
}

/** A refusal at start leaves no connection behind: it would keep the process alive. */
async function closingOnThrow(backend: Backend, judge: () => void): Promise<void> {
  try {
    judge();
  } catch (thrown) {
    await backend.close();
    throw thrown;
  }
}

function byType(jobs: readonly JobDefinition[]): ReadonlyMap<string, JobDefinition> {
  const map = new Map<string, JobDefinition>();
  for (const job of jobs) {
    if (map.has(job.type))
      throw new WaybillError("CONFIG_INVALID", `job type "${job.type}" is defined twice; keep one definition`);
    map.set(job.type, job);
  }
  return map;
}
