import { assertKnownOptions, assertGuardOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { type Duration, type KeyRing, keyRing, type Signature, WaybillError } from "@waybill/core";
import { durationMs, readSignedWrapper } from "@waybill/core/endpoint";
import type { Carrier } from "../../push/carrier.ts";
import type { InboundDelivery } from "../../push/inbound-delivery.ts";
import { envelopeId } from "../../push/envelope-in-body.ts";
import { forbidden, PushRefused } from "../../push/push-refused.ts";
import { header, type HeaderFields, MAX_COUNT, type PushRequest, wholeHeader } from "../../push/push-request.ts";
import { seconds } from "../../push/producer-signature.ts";
import { textOf } from "../../push/body-text.ts";
import { KEYS_NEEDED, warnOfUnsigned } from "../../options/unsigned-keys.ts";
import { type PeriodicTask, periodicTasks, tickOf } from "./periodic-tasks.ts";

/** The producers' secrets, because the daemon signs nothing, and the daemon's settings in your environment. */
export interface SqsdOptions {
  /**
   * Secrets of the producers: a key ring, `whsec_…`, or "unsigned": any program that can connect may push. The job's own
   * signature does not expire, because a job may wait for days.
   */
  readonly keys: KeyRing | string | readonly string[] | undefined;
  /** The daemon's HttpConnections, 1 to 100. As many requests may wait for a free slot. Default 50, as the daemon's. */
  readonly httpConnections?: number | undefined;
  /** The daemon's InactivityTimeout: how long it waits for a response. Default "299s", as the daemon's. */
  readonly inactivityTimeout?: Duration | undefined;
  /**
   * The daemon's VisibilityTimeout: a job is delivered again after it, running or not. Default "300s", as the
   * daemon's.
   */
  readonly visibilityTimeout?: Duration | undefined;
  /**
   * Tasks of cron.yaml that may run, by name. Every other one is refused. Default none. Their ticks are not signed, so the
   * endpoint requires `allowIps` or `periodicFrom`.
   */
  readonly periodic?: Readonly<Record<string, PeriodicTask>> | undefined;
  /** "anyone": any program that can connect may trigger a task. Omitted: only from `allowIps`. */
  readonly periodicFrom?: "anyone" | undefined;
}

const OPTIONS: OptionNames<SqsdOptions> = {
  keys: true,
  httpConnections: true,
  inactivityTimeout: true,
  visibilityTimeout: true,
  periodic: true,
  periodicFrom: true,
};

/**
 * Returns the carrier for Elastic Beanstalk's daemon, which receives messages from SQS and POSTs them. It deletes a message
 * on exactly 200; every other response spends one of its few deliveries. So requests wait while all slots are in use and
 * during a shutdown. Throws `CONFIG_INVALID` for an option that does not exist or makes no sense.
 */
export function sqsd(options: SqsdOptions): Carrier {
  assertKnownOptions(options, OPTIONS, "the options of sqsd");
  assertGuardOptions(options, ["keys"], "the options of sqsd", KEYS_NEEDED);
  const { keys, httpConnections = 50, inactivityTimeout = "299s", visibilityTimeout = "300s" } = options;
  const ring = keys === "unsigned" ? null : keyRing(keys);
  const tasks = periodicTasks(options.periodic ?? {});
  if (ring === null) warnOfUnsigned("sqsd");
  if (!Number.isSafeInteger(httpConnections) || httpConnections < 1 || httpConnections > 100) {
    throw new WaybillError("CONFIG_INVALID", `sqsd: httpConnections is ${httpConnections}; the daemon takes 1 to 100`);
  }
  const inactivityMs = durationMs(inactivityTimeout, "sqsd: inactivityTimeout");
  const visibilityMs = durationMs(visibilityTimeout, "sqsd: visibilityTimeout");
  return {
    name: "sqsd",
    waitsForJobs: true,
    maxWaiting: httpConnections,
    ackDeadlineMs: Math.min(inactivityMs, visibilityMs),
    ackDeadlineSetting: inactivityMs <= visibilityMs ? "InactivityTimeout" : "VisibilityTimeout",
    paths: [...new Set([...tasks.values()].map(({ path }) => path))],
    createsTypes: [...new Set([...tasks.values()].map(({ job }) => job.type))],
    recognises: ({ headers }) =>
      (header(headers, "user-agent") ?? "").startsWith("aws-sqsd") && Object.hasOwn(headers, "x-aws-sqsd-msgid"),
    isUnauthenticated: ({ headers }) => ring === null || taskIn(headers) !== null,
    ...(tasks.size > 0 &&
      ring !== null &&
      options.periodicFrom !== "anyone" && { needsIpAllowlist: NEEDS_IP_ALLOWLIST }),
    checkHeaders(request) {
      const task = taskIn(request.headers);
      if (task !== null) tickOf(tasks, request, task);
    },
    authenticate(request, body) {
      const task = taskIn(request.headers);
      if (task === null) return deliveryFrom(request.headers, unwrapped(request, body, ring));
      if (body.length > 0) throw forbidden(`periodic task "${task.slice(0, 100)}" came with a body`);
      const received = wholeHeader(request.headers, "x-aws-sqsd-receive-count", 1) ?? 1;
      const { id, envelope, freshUntil } = tickOf(tasks, request, task);
      const job = { body: envelope, signedId: id, attempt: received, lost: 0, releases: 0 };
      // The daemon sends a tick again until it gets a 200.
      const replayProtection = { name: id, freshUntil, onReplay: "repeat" } as const;
      return { ...job, signature: null, label: null, replayProtection };
    },
  };
}

const NEEDS_IP_ALLOWLIST =
  "sqsd has periodic tasks, whose ticks are not signed: give `allowIps`, the addresses of the daemon or its proxy " +
  '(["127.0.0.1", "::1"]), or let any program that can connect trigger them, by sqsd({ periodicFrom: "anyone" })';

const taskIn = (headers: HeaderFields): string | null => header(headers, "x-aws-sqsd-taskname");

/** The envelope and its producer's signature, which comes in attributes or in a signed wrapper. */
interface Unwrapped {
  readonly envelope: string;
  readonly signature: Signature | null;
  readonly signedId: string | null;
}

function unwrapped({ headers }: PushRequest, body: Buffer, ring: KeyRing | null): Unwrapped {
  const bytes = decoded(headers, body);
  const signature = signatureIn(headers);
  const wrapper = signature === null ? readSignedWrapper(textOf(bytes)) : null;
  if (wrapper !== null) {
    const { id, envelope } = wrapper;
    if (ring !== null) prove(ring, id, wrapper.signature, envelope);
    return { envelope, signature: wrapper.signature, signedId: id };
  }
  if (ring === null) return { envelope: textOf(bytes), signature, signedId: null };
  if (signature === null) throw forbidden("it is signed neither in its attributes nor in a wrapper");
  // Our own producers send the id in an attribute, so that a forged body is not parsed.
  const id = attribute(headers, "waybill-id") ?? envelopeId(bytes.toString());
  if (id === null) throw forbidden("it has no id that its signature could cover");
  prove(ring, id, signature, bytes);
  return { envelope: textOf(bytes), signature, signedId: id };
}

function prove(ring: KeyRing, id: string, { timestamp, value }: Signature, body: string | Buffer): void {
  if (id.length > 255 || id.includes(".")) throw forbidden("its id is longer than 255 characters or has a dot");
  if (!ring.verify({ id, timestamp, body }, value)) throw forbidden("none of the keys made this signature");
}

/** Decodes base64, in which producers send bodies that SQS would refuse. */
function decoded(headers: HeaderFields, body: Buffer): Buffer {
  const encoding = attribute(headers, "waybill-encoding");
  if (encoding === null) return body;
  if (encoding === "base64") return Buffer.from(body.toString("latin1"), "base64");
  throw new PushRefused(400, "CARRIER_INVALID", `waybill-encoding is ${JSON.stringify(encoding.slice(0, 40))}`);
}

const HISTORY = /^attempt=([1-9]\d{0,8}) lost=(\d{1,9}) releases=(\d{1,9})(?: due=\d{1,15})?$/;

/**
 * Adds the counts of a worker on the same queue, in `waybill-delivery`, to those of SQS. `due` is ignored: refusing a job as
 * too early would spend a delivery.
 */
function deliveryFrom(headers: HeaderFields, { envelope, signature, signedId }: Unwrapped): InboundDelivery {
  const [, attempt = 1, lost = 0, releases = 0] = HISTORY.exec(attribute(headers, "waybill-delivery") ?? "") ?? [];
  const received = wholeHeader(headers, "x-aws-sqsd-receive-count", 1) ?? 1;
  const counts = {
    attempt: Math.min(Number(attempt) + received - 1, MAX_COUNT),
    lost: Number(lost),
    releases: Number(releases),
  };
  return { body: envelope, ...counts, signature, label: labelIn(headers, envelope), signedId, replayProtection: null };
}

/** For a body that is no envelope. The queue's name is that of SQS. */
function labelIn(headers: HeaderFields, envelope: string): InboundDelivery["label"] {
  const id = attribute(headers, "waybill-id");
  const type = attribute(headers, "waybill-type");
  if (id === null || type === null || envelopeId(envelope) !== null) return null;
  return { id, type, queue: header(headers, "x-aws-sqsd-queue") ?? "" };
}

function signatureIn(headers: HeaderFields): Signature | null {
  const timestamp = seconds(attribute(headers, "webhook-timestamp"));
  const value = attribute(headers, "webhook-signature");
  return timestamp === null || value === null ? null : { timestamp, value };
}

function attribute(headers: HeaderFields, name: string): string | null {
  return header(headers, `x-aws-sqsd-attr-${name}`);
}
