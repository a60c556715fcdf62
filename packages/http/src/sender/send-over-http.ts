import { assertKnownOptions, assertGuardOptions, type OptionNames } from "@waybill/core/backend";
import { setTimeout as sleep } from "node:timers/promises";
import {
  defineJob,
  type Duration,
  type EventBus,
  type JobContext,
  type JobDefinition,
  type KeyRing,
  keyRing,
  type Outcome,
  type RetryOptions,
  WaybillError,
} from "@waybill/core";
import { durationMs, Forwarded, forwardEvery } from "@waybill/core/endpoint";
import { KEYS_NEEDED } from "../options/unsigned-keys.ts";
import { requestHeaders } from "./request-headers.ts";
import { ReceiverHealth } from "./receiver-health.ts";
import { SenderMemory } from "./sender-memory.ts";
import { type Exchange, exchange, type Reply } from "./http-exchange.ts";
import { targetOf } from "./target.ts";
import { provesLife, type Settlement, settlementOf, unreachable } from "./settlement.ts";

/** Where jobs are sent, with which signature, and how long the sender waits for a response. */
export interface SendOverHttpOptions {
  /** "http://…", "https://…", or "http://unix:/path/to.sock:/work". Redirects are not followed. */
  readonly to: string | undefined;
  /** A key ring or `whsec_` secrets, the first of which signs; or "unsigned". */
  readonly keys: KeyRing | string | readonly string[] | undefined;
  /**
   * Without a response after this time the job counts as lost and is sent again. Default "299s", as sqsd.
   */
  readonly inactivityTimeout?: Duration | undefined;
  /** Default "5s", as sqsd. */
  readonly connectTimeout?: Duration | undefined;
  /** The Content-Type of the body, which is always an envelope. Default "application/json". */
  readonly contentType?: string | undefined;
  /**
   * The retry policy after a 500 from an application without waybill. The envelope's own policy has priority; the
   * outcome from a receiver is used as it is.
   */
  readonly retry?: RetryOptions | undefined;
  /** Deliveries without a response, lost workers included, after which a job is dead. Default 20. Use the worker's. */
  readonly maxLost?: number | undefined;
  /**
   * How long a job is sent again from this process while the receiver is unavailable or full, before it is released to its
   * queue. Without it, every job of the queue would be leased and released over and over. Default "5s".
   */
  readonly hold?: Duration | undefined;
  /** Receives `receiver_unavailable` and `receiver_recovered`. Omitted: no events. */
  readonly events?: EventBus | undefined;
}

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1_000;
const FIRST_RELEASE_MS = 1_000;
const MAX_RELEASE_MS = 60_000;
const MAX_TIMEOUT_MS = 7 * 86_400_000;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *;[\x20-\x7e]*)?$/;

const SENDER_OPTIONS: OptionNames<SendOverHttpOptions> = {
  to: true,
  keys: true,
  inactivityTimeout: true,
  connectTimeout: true,
  contentType: true,
  retry: true,
  maxLost: true,
  hold: true,
  events: true,
};

/**
 * Returns a definition that makes a worker send jobs instead of running them: it handles every type without a handler of
 * its own, POSTs the envelope byte for byte, and settles the job by the receiver's response.
 * `jobs.worker({ jobs: [sendOverHttp({ to, keys })], queues: ["default"] })`. No attempt is spent while the receiver is full,
 * shutting down or unavailable. Throws `CONFIG_INVALID`.
 */
export function sendOverHttp(options: SendOverHttpOptions): JobDefinition {
  assertKnownOptions(options, SENDER_OPTIONS, "the options of sendOverHttp");
  assertGuardOptions(options, ["keys"], "the options of sendOverHttp", KEYS_NEEDED);
  assertGuardOptions(
    options,
    ["to"],
    "the options of sendOverHttp",
    "Give the receiver's URL, such as https://HOST/work",
  );
  const { keys, contentType = "application/json", maxLost = 20 } = options;
  const { retry } = defineJob({ type: "sent", retry: options.retry ?? {} });
  const connectTimeoutMs = timeoutMs(options.connectTimeout ?? "5s", "connectTimeout");
  const inactivityTimeoutMs = timeoutMs(options.inactivityTimeout ?? "299s", "inactivityTimeout");
  const holdMs = durationMs(options.hold ?? "5s", "hold");
  if (!Number.isSafeInteger(maxLost) || maxLost < 1) throw configError(`maxLost is ${maxLost}: a whole number from 1`);
  if (!MEDIA_TYPE.test(contentType))
    throw configError(`contentType is ${JSON.stringify(contentType)}: as "application/json"`);
  const target = targetOf(options.to);
  const ring = keys === "unsigned" ? null : keyRing(keys).requests;
  const memory = new SenderMemory();
  const health = new ReceiverHealth(target.shown, options.events ?? null);

  async function request(exchanged: Omit<Exchange, "target" | "connectTimeoutMs">): Promise<Reply> {
    const reply = await exchange({ ...exchanged, target, connectTimeoutMs });
    if (provesLife(reply)) health.responded();
    return reply;
  }

  /** Sends one POST. After a loss a HEAD comes first, so that an outage counts as one loss and not as one per waiting job. */
  async function deliver(job: JobContext, body: string): Promise<Settlement> {
    const { id, signal } = job;
    const losses = memory.lossesOf(id, deliveriesOf(job));
    if (health.isInDoubt()) {
      const probe = { method: "HEAD", headers: {}, body: null, inactivityTimeoutMs: connectTimeoutMs } as const;
      const reply = await request({ ...probe, reuse: true, signal });
      if (!provesLife(reply)) return unreachable(reply, target.shown);
    }
    const timestamp = memory.timestampFor(id);
    const headers = requestHeaders(job, body, { ring, timestamp, contentType, losses });
    const reuse = losses === 0;
    return settlementOf(
      await request({ method: "POST", headers, body, reuse, inactivityTimeoutMs, signal }),
      target.shown,
    );
  }

  /**
   * At `maxLost` the job is sent once more: the receiver returns it dead without running it. Above it, no receiver has
   * responded, and the sender ends the job.
   */
  function lossOutcome(job: JobContext, code: string, message: string): Outcome {
    const { id, delivery } = job;
    const losses = memory.countLoss(id, deliveriesOf(job));
    const count = delivery.lost + losses;
    // Spread out, so that jobs lost together are not sent together again: one of them may be what ends the receiver.
    if (count <= maxLost) return release(backOffMs(losses - 1) * (0.5 + Math.random()), code, message);
    memory.forgetLosses(id);
    const why = `${count} deliveries ended without an answer, the last as ${message}; the job may be what ends the receiver`;
    return { kind: "dead", reason: { code: "WORKER_LOST", message: why }, kept: true };
  }

  async function send(_: unknown, job: JobContext): Promise<void> {
    const { body } = job.delivery;
    const until = performance.now() + holdMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const settlement = await deliver(job, body);
      health.note(settlement);
      switch (settlement.kind) {
        case "decided":
          if (settlement.outcome.kind === "completed" || settlement.outcome.kind === "dead")
            memory.forgetLosses(job.id);
          if (settlement.outcome.kind === "completed") return;
          throw new Forwarded(settlement.outcome);
        case "failed":
          throw Object.assign(new Error(settlement.message), { code: settlement.code });
        case "lost":
          throw new Forwarded(lossOutcome(job, settlement.code, settlement.message));
        case "undelivered": {
          const { delayMs, code, message } = settlement;
          const waitMs = Math.max(pauseMs, delayMs ?? 0) * (1 + Math.random() / 2);
          if (performance.now() + waitMs > until) {
            throw new Forwarded(release(delayMs ?? backOffMs(job.delivery.releases), code, message));
          }
          await sleep(waitMs, undefined, { signal: job.signal });
        }
      }
    }
  }

  // A timeout of the worker would spend an attempt, so this is longer than all the limits above together.
  const timeout = holdMs + 6 * connectTimeoutMs + inactivityTimeoutMs + 60_000;
  return { ...forwardEvery({ timeout, handler: send }), retry };
}

/** Grows with each delivery that the backend counts, and begins again when the job is replayed. */
function deliveriesOf({ attempt, delivery }: JobContext): number {
  return attempt + delivery.releases;
}

/** 1 s, doubling each time to 1 min. */
function backOffMs(times: number): number {
  return Math.min(FIRST_RELEASE_MS * 2 ** Math.min(times, 10), MAX_RELEASE_MS);
}

function release(delayMs: number, code: string, message: string): Outcome {
  return { kind: "release", delayMs, reason: { code, message } };
}

function timeoutMs(value: Duration, name: string): number {
  const ms = durationMs(value, name);
  if (ms > 0 && ms <= MAX_TIMEOUT_MS) return ms;
  throw configError(`${name} is ${ms} ms: more than 0 and at most "7d"`);
}

function configError(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
