import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
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
import { anyJob, durationMs, RanElsewhere } from "@waybill/core/door";
import { senderHeaders } from "./sender-headers.ts";
import { ReceiverHealth } from "./sender-health.ts";
import { SenderMemory } from "./sender-memory.ts";
import { exchange, type Reply, type Sending } from "./sender-request.ts";
import { targetOf } from "./sender-target.ts";
import { absent, provesLife, type Settlement, settlementOf } from "./settlement.ts";

/** Where jobs are sent, by whose signature, and for how long an answer is awaited. */
export interface SendOverHttpOptions {
  /** "http://…", "https://…", or "http://unix:/path/to.sock:/work". Redirects are not followed. */
  readonly to: string;
  /** A key ring or `whsec_` secrets, the first of which signs; or "unsigned". */
  readonly keys: KeyRing | string | readonly string[];
  /**
   * An answer that has not come by then never will: the job counts as lost and is sent again. Default "299s", as
   * sqsd.
   */
  readonly inactivityTimeout?: Duration;
  /** Default "5s", as sqsd. */
  readonly connectTimeout?: Duration;
  /** Of the body, which is an envelope whatever it is called. Default "application/json". */
  readonly contentType?: string;
  /**
   * What follows a failure at an application that knows nothing of waybill, which says 500 and no more. The
   * envelope's own policy wins; a receiver's decisions are taken as they are.
   */
  readonly retry?: RetryOptions;
  /** Deliveries without an answer, lost workers included, after which a job is dead. Default 20; give the worker's. */
  readonly maxLost?: number;
  /**
   * A job that finds no receiver, or one that is full, is tried again from here for so long before it goes back to its
   * queue, which would otherwise be churned over while nobody is there. Default "5s".
   */
  readonly hold?: Duration;
  /** Hears whether the receiver is there: `receiver_unavailable`, `receiver_recovered`. */
  readonly events?: EventBus;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
const FIRST_RELEASE_MS = 1_000;
const LONGEST_RELEASE_MS = 60_000;
const LONGEST_TIMEOUT_MS = 7 * 86_400_000;
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
 * Makes of a worker a sender. Its one job is every other: it POSTs the envelope, byte for byte, and settles
 * it as the receiver says. `jobs.worker({ jobs: [sendOverHttp({ to, keys })], queues: ["default"] })`. No attempt is
 * spent on a receiver that is full, draining, away or not to be found. Throws `CONFIG_INVALID`.
 */
export function sendOverHttp(options: SendOverHttpOptions): JobDefinition {
  assertKnownOptions(options, SENDER_OPTIONS, "the options of sendOverHttp");
  const { keys, contentType = "application/json", maxLost = 20 } = options;
  const { retry } = defineJob({ type: "sent", retry: options.retry ?? {} });
  const connectTimeoutMs = timeoutMs(options.connectTimeout ?? "5s", "connectTimeout");
  const inactivityTimeoutMs = timeoutMs(options.inactivityTimeout ?? "299s", "inactivityTimeout");
  const holdMs = durationMs(options.hold ?? "5s", "hold");
  if (!Number.isSafeInteger(maxLost) || maxLost < 1) throw refuse(`maxLost is ${maxLost}: a whole number from 1`);
  if (!MEDIA_TYPE.test(contentType))
    throw refuse(`contentType is ${JSON.stringify(contentType)}: as "application/json"`);
  const target = targetOf(options.to);
  const ring = keys === "unsigned" ? null : keyRing(keys).requests;
  const memory = new SenderMemory();
  const health = new ReceiverHealth(target.shown, options.events ?? null);

  async function ask(sending: Omit<Sending, "target" | "connectTimeoutMs">): Promise<Reply> {
    const reply = await exchange({ ...sending, target, connectTimeoutMs });
    if (provesLife(reply)) health.answered();
    return reply;
  }

  /** One POST; after a loss only once somebody has answered again, so that an outage is no loss to those that wait. */
  async function deliver(job: JobContext, body: string): Promise<Settlement> {
    const { id, signal } = job;
    const losses = memory.lossesOf(id);
    if (health.isInDoubt()) {
      const probe = { method: "HEAD", headers: {}, body: null, inactivityTimeoutMs: connectTimeoutMs } as const;
      const reply = await ask({ ...probe, reuse: true, signal });
      if (!provesLife(reply)) return absent(reply, target.shown);
    }
    const timestamp = memory.timestampFor(id);
    const headers = senderHeaders(job, body, { ring, timestamp, contentType, losses });
    const reuse = losses === 0;
    return settlementOf(await ask({ method: "POST", headers, body, reuse, inactivityTimeoutMs, signal }), target.shown);
  }

  /** At the limit the receiver has the word, and says so without running the job; past it, nobody is left to say it. */
  function lost({ id, delivery }: JobContext, code: string, message: string): Outcome {
    const own = memory.countLoss(id);
    const count = delivery.lost + own;
    // Those that were lost together are not sent together again: one of them may be what ends the receiver.
    if (count <= maxLost) return release(growing(own - 1) * (0.5 + Math.random()), code, message);
    memory.forgetLosses(id);
    const why = `${count} deliveries ended without an answer, the last as ${message}; the job may be what ends the receiver`;
    return { kind: "dead", reason: { code: "WORKER_LOST", message: why }, kept: true };
  }

  async function send(_: unknown, job: JobContext): Promise<void> {
    const { body } = job.delivery;
    const until = performance.now() + holdMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const settlement = await deliver(job, body);
      health.note(settlement);
      switch (settlement.kind) {
        case "decided":
          memory.forgetLosses(job.id);
          if (settlement.outcome.kind === "completed") return;
          throw new RanElsewhere(settlement.outcome);
        case "failed":
          memory.forgetLosses(job.id);
          throw Object.assign(new Error(settlement.message), { code: settlement.code });
        case "lost":
          throw new RanElsewhere(lost(job, settlement.code, settlement.message));
        case "undelivered": {
          const { delayMs, code, message } = settlement;
          const waitMs = Math.max(pauseMs, delayMs ?? 0) * (1 + Math.random() / 2);
          if (performance.now() + waitMs > until) {
            throw new RanElsewhere(release(delayMs ?? growing(job.delivery.releases), code, message));
          }
          await sleep(waitMs, undefined, { signal: job.signal });
        }
      }
    }
  }

  // The worker's own timeout would spend an attempt, so it is longer than everything above together.
  const timeout = holdMs + 6 * connectTimeoutMs + inactivityTimeoutMs + 60_000;
  return { ...anyJob({ timeout, handler: send }), retry };
}

function growing(times: number): number {
  return Math.min(FIRST_RELEASE_MS * 2 ** Math.min(times, 10), LONGEST_RELEASE_MS);
}

function release(delayMs: number, code: string, message: string): Outcome {
  return { kind: "release", delayMs, reason: { code, message } };
}

function timeoutMs(value: Duration, name: string): number {
  const ms = durationMs(value, name);
  if (ms > 0 && ms <= LONGEST_TIMEOUT_MS) return ms;
  throw refuse(`${name} is ${ms} ms: more than 0 and at most "7d"`);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
