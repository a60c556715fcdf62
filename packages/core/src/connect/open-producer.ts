import type { BackendFactory } from "../backend/contract.ts";
import { keptAlive } from "../backend/keep-alive.ts";
import type { ProducerSeam } from "../backend/producer-seam.ts";
import { WaybillError } from "../errors.ts";
import type { IdMemory } from "../features/once/id-memory.ts";
import { assertDefinitions } from "../job/check-definition.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import { assertGuardOptions } from "../known-options.ts";
import { createEnqueueCalls, type EnqueueCalls } from "../producer/enqueue.ts";
import type { Sign } from "../producer/make-message.ts";
import type { EnqueueOptions } from "../producer/enqueue-options.ts";
import type { ProducerOptions } from "../producer/producer-options.ts";
import type { Producer } from "../producer/producer.ts";
import type { KeyRing } from "../signing/key-ring.ts";
import { timerMs } from "../time/duration.ts";
import { within } from "../time/time-limit.ts";
import {
  backendCheck,
  borrowsLedger,
  finishedIds,
  withoutCancels,
  ledgerOfConnection,
  logger,
  signer,
  withLedgerKeys,
} from "./load-on-demand.ts";
import { type Half, openSeam } from "./open-seam.ts";
import { factoryFor } from "./schemes.ts";

/** An open producer with the parts that `connect` needs for its workers. */
export interface OpenProducer<S extends ProducerSeam> {
  readonly producer: Producer;
  readonly seam: S;
  /** NODE_ENV, or "development". */
  readonly env: string;
  /** Null: jobs are not signed. */
  readonly keys: KeyRing | null;
  readonly calls: EnqueueCalls;
  /** Null: jobs are not signed. */
  readonly sign: Sign;
  readonly maxBodyBytes: number;
  /** Whether the ledger is that of another backend. */
  readonly isBorrowed: boolean;
  /** Null: finished ids are not remembered. */
  readonly ids: IdMemory | null;
}

/** Opens the backend, and makes the producer that enqueues through its seam. Rejects what `connectProducer` rejects. */
export function openProducer<S extends ProducerSeam>(
  target: string | BackendFactory | undefined,
  options: ProducerOptions,
  half: Half<S>,
): Promise<OpenProducer<S>> {
  return keptAlive(open(target, options, half));
}

async function open<S extends ProducerSeam>(
  target: string | BackendFactory | undefined,
  options: ProducerOptions,
  half: Half<S>,
): Promise<OpenProducer<S>> {
  const { checkConnectOptions, checkedTarget, checkEnqueueOptions, EventBus } = await import("./check-options.ts");
  const given = checkedTarget(target);
  assertGuardOptions(options, ["keys"], "the options of the connection");
  if (options.jobs !== undefined) assertDefinitions(options.jobs, "jobs of the connection");
  checkConnectOptions(options);
  const borrowing = borrowsLedger(given, options) ? await import("./ledger-option.ts") : null;
  const { url, ledger } = borrowing?.splitTarget(given, options) ?? { url: given };
  const factory = typeof url === "string" ? await factoryFor(url, options.allowVolatile === true) : url;
  const enqueueTimeoutMs = timerMs(options.enqueueTimeout ?? "10s", "enqueueTimeout");
  const closeTimeoutMs = timerMs(options.closeTimeout ?? "2s", "closeTimeout");
  const known = options.jobs ? byType(options.jobs) : null;
  const { keys, sign } = await signer(options.keys);
  const { maxBodyBytes = 262_144 } = options;
  const { telemetry = null } = options;
  const traced = telemetry && (await import("../observability/traced-seam.ts"));
  const assertBackend = await backendCheck(options);
  const events = new EventBus();
  for (const { type } of options.jobs ?? []) events.types.add(type);
  const log = await logger(events, options.log);
  const env = process.env["NODE_ENV"] ?? "development";
  const borrowed = (await borrowing?.openLedger(ledger, options, { timeoutMs: enqueueTimeoutMs, events })) ?? null;
  const seam = await openSeam({
    factory,
    half,
    events,
    borrowed,
    complete: (backend, { report }) => withLedgerKeys(backend, borrowed, report),
    async check(backend) {
      await assertBackend(backend);
      if (!options.jobs?.length) return;
      const { assertAllSupported } = await import("../job/job-needs.ts");
      for (const job of options.jobs) assertAllSupported(job, backend.capabilities);
    },
    settings: async (backend) => ({
      timeoutMs: enqueueTimeoutMs,
      events,
      ledger: await ledgerOfConnection(backend, borrowed, enqueueTimeoutMs),
      tracing:
        telemetry && traced && traced.seamTracing(telemetry, { name: backend.name, address: backend.address }, events),
    }),
  });
  const { ids, sending } = await finishedIds(options.rememberIds, await withoutCancels(seam));
  const calls = createEnqueueCalls({
    seam: sending,
    events,
    known,
    source: options.source ?? null,
    maxBodyBytes,
    checkOptions: checkEnqueueOptions,
    production: env === "production",
    sign,
    enqueueTimeoutMs,
  });
  const endDeclaring =
    seam.ledger &&
    (await import("./declared-queues.ts")).declaredQueues(seam.ledger, options.queues, borrowed && events);
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    endDeclaring?.();
    const until = performance.now() + closeTimeoutMs;
    try {
      await within(seam.whenIdle(), closeTimeoutMs);
      await within(seam.close(), Math.max(until - performance.now(), 50));
    } finally {
      await log.flush();
    }
  }

  const producer: Producer = {
    backend: seam.backend,
    events,
    enqueue: (job: JobDefinition | string, payload?: unknown, enqueueOptions?: EnqueueOptions) =>
      calls.enqueue(job, payload, enqueueOptions),
    enqueueIn: (
      transaction: unknown,
      job: JobDefinition | string,
      payload?: unknown,
      enqueueOptions?: EnqueueOptions,
    ) => calls.enqueueIn(transaction, job, payload, enqueueOptions),
    enqueueBody: (body, signature = null) => calls.enqueueBody(body, signature),
    enqueueMany: calls.enqueueMany as Producer["enqueueMany"],
    close: () => (closing ??= keptAlive(close())),
  };
  return { producer, seam, env, keys, calls, sign, maxBodyBytes, isBorrowed: borrowed !== null, ids };
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
