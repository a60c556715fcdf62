import { type Envelope, WaybillError } from "@waybill/core";
import { execute, type HandlerRegistry, releaseRunning, RunTracker } from "@waybill/core/endpoint";
import { isLarge } from "../endpoint/body-reader.ts";
import { ConcurrencyLimiter } from "../endpoint/concurrency-limiter.ts";
import type { DeliveryProcessor } from "../endpoint/endpoint.ts";
import type { Carrier } from "../push/carrier.ts";
import { envelopeIn, isWrapped, unwrapped } from "../push/envelope-in-body.ts";
import { assertSignedId, type InboundDelivery } from "../push/inbound-delivery.ts";
import { PushRefused } from "../push/push-refused.ts";
import { header, type PushRequest } from "../push/push-request.ts";
import type { PushResponse } from "../push/push-response.ts";
import { SharedRun } from "./shared-run.ts";
import { responseOf } from "./outcome-response.ts";
import type { PushSettler } from "./push-settler.ts";

/** How loaded a receiver is, for health checks and metrics. */
export interface ReceiverLoad {
  /** Jobs running now. */
  readonly running: number;
  /** Jobs that may run at once. */
  readonly concurrency: number;
  /** Requests waiting for a free slot. */
  readonly waiting: number;
  readonly draining: boolean;
}

export interface PushRunner extends DeliveryProcessor {
  load(): ReceiverLoad;
  /**
   * Refuses new jobs, waits up to `drainMs` for running jobs, then aborts them and waits up to `abortMs`. Returns how many
   * handlers have not ended.
   */
  stop(drainMs: number, abortMs: number): Promise<number>;
  /** Ends the draining at once. */
  force(): void;
}

export interface PushRunnerSettings {
  readonly registry: HandlerRegistry;
  /** The registry for jobs in a signed wrapper, whose signatures are always verified. */
  readonly wrappedRegistry: HandlerRegistry;
  readonly settler: PushSettler;
  readonly concurrency: number;
  /** How long a handler may run once no request waits for its response. */
  readonly abortMs: number;
  /** This process's worker id, for events. */
  readonly worker: string;
}

/** Runs deliveries up to a concurrency. A delivery of a job that is running here joins that run. */
export function createPushRunner(settings: PushRunnerSettings): PushRunner {
  const { settler, concurrency, abortMs, worker } = settings;
  const limiter = new ConcurrencyLimiter(concurrency);
  const runs = new RunTracker<SharedRun>();
  let force = (): void => {};
  const forced = new Promise<void>((resolve) => (force = resolve));
  let markStopped = (): void => {};
  const stopped = new Promise<void>((resolve) => (markStopped = resolve));
  let draining = false;

  /** Starts a run, which has a slot until its response is known. */
  function start(delivery: InboundDelivery, envelope: Envelope | null, from: Carrier, registry: HandlerRegistry) {
    const run = new SharedRun(envelope?.id ?? null, delivery.body, abortMs);
    const response = runs.track(run, () => runAndSettle(run, delivery, envelope, from, registry));
    run.respondWith(response);
    const release = (): void => limiter.release();
    response.then(release, release);
    return run;
  }

  async function runAndSettle(
    { handle }: SharedRun,
    delivery: InboundDelivery,
    envelope: Envelope | null,
    from: Carrier,
    registry: HandlerRegistry,
  ): Promise<PushResponse> {
    const startedAt = performance.now();
    const { body, attempt, lost, releases, signature, label } = delivery;
    // A sender of ours settles the job in its queue, and before that stores its end in its flow.
    const keepsFlow = from.name === "native";
    const job = { body, attempt, lost, releases, dueAt: null, signature, label, from, worker, handle, keepsFlow };
    const known = envelope === null ? null : settler.outcomeOf(envelope.id, delivery);
    const outcome = known ?? (await execute(envelope === null ? job : { ...job, envelope }, registry));
    return settler.settle({ delivery, from, envelope, outcome, ranMs: performance.now() - startedAt });
  }

  function join(run: SharedRun, id: string, delivery: InboundDelivery, request: PushRequest) {
    if (run.body !== delivery.body) {
      throw new PushRefused(409, "ID_CONFLICT", "a job with the same id and another body is running here");
    }
    return run.decided ? responseOf(releaseRunning(delivery.releases), id, false) : run.join(request);
  }

  /** For a carrier whose every refusal costs the job a delivery, the 503 comes once, at the end of the shutdown. */
  async function refuseDraining({ maxWaiting }: Carrier, { onDisconnect }: PushRequest): Promise<PushRefused> {
    if (maxWaiting > 0) await Promise.race([stopped, new Promise<void>((resolve) => onDisconnect(resolve))]);
    return draining503();
  }

  return {
    load: () => ({ running: limiter.active, concurrency, waiting: limiter.waiting, draining }),
    refuseEarly({ headers }, { maxWaiting }) {
      // The body may be of a job that is running here. A large one is read only if a header names such a job.
      const mayJoin =
        runs.size > 0 && (!isLarge(headers) || runs.find(header(headers, "webhook-id") ?? "") !== undefined);
      if (mayJoin) return null;
      if (draining && maxWaiting === 0) return draining503();
      return limiter.isFull(maxWaiting) ? full(concurrency) : null;
    },
    async process(given, carrier, request) {
      const delivery = unwrapped(given);
      const registry = isWrapped(given.body) ? settings.wrappedRegistry : settings.registry;
      const envelope = envelopeIn(delivery.body);
      const id = envelope?.id ?? "";
      if (envelope !== null && delivery.signedId !== null) assertSignedId(delivery.signedId, envelope.id);
      const running = runs.find(id);
      if (running !== undefined) return join(running, id, delivery, request);
      if (draining) throw await refuseDraining(carrier, request);
      const acquired = await limiter.acquire(carrier.maxWaiting, request.onDisconnect);
      if (acquired && !draining) {
        // Another delivery of the same job may have started while this one waited for its slot.
        const started = runs.find(id);
        if (started === undefined) return start(delivery, envelope, carrier, registry).join(request);
        limiter.release();
        return join(started, id, delivery, request);
      }
      if (acquired) limiter.release();
      throw draining ? await refuseDraining(carrier, request) : full(concurrency);
    },
    force: () => force(),
    async stop(drainMs, graceMs) {
      draining = true;
      limiter.rejectWaiting();
      await runs.whenEnded(drainMs, forced);
      runs.cancel(new WaybillError("SHUTDOWN", "the receiver is shutting down; send the job again"), graceMs);
      // After `graceMs` the outcome of a handler that has not ended is decided, and its response still has to be sent.
      await runs.whenEnded(graceMs + 100);
      markStopped();
      return runs.size;
    },
  };
}

const draining503 = (): PushRefused => new PushRefused(503, "DRAINING", "shutting down");

function full(concurrency: number): PushRefused {
  return new PushRefused(429, "FULL", `${concurrency} jobs are running, which is the limit`);
}
