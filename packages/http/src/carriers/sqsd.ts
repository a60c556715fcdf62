import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { type Duration, type KeyRing, keyRing, type Signature, WaybillError } from "@waybill/core";
import { durationMs, readSignedWrapper } from "@waybill/core/door";
import type { Carrier, Parcel } from "../carrier.ts";
import { envelopeId } from "../envelope-in.ts";
import { forbidden, PushRefused } from "../problem.ts";
import { header, type HeaderFields, MOST_COUNTED, type Push, wholeHeader } from "../push.ts";
import { seconds } from "../producer-signature.ts";
import { textOf } from "../text.ts";
import { warnOfUnsigned } from "../unsigned.ts";
import { type PeriodicTask, periodicTasks, tickOf } from "./sqsd-periodic.ts";

/** Proof for a daemon that has none, and its settings as the environment has them. */
export interface SqsdOptions {
  /**
   * Secrets of the producers: a key ring, `whsec_…`, or "unsigned": anybody who can connect may push. The signature is the
   * job's, which has no age: a job may have waited for days.
   */
  readonly keys: KeyRing | string | readonly string[];
  /** The daemon's HttpConnections, 1 to 100: as many requests may wait for a place. Default 50, as the daemon's. */
  readonly httpConnections?: number;
  /** The daemon's InactivityTimeout: without an answer by then it gives up. Default "299s", as the daemon's. */
  readonly inactivityTimeout?: Duration;
  /**
   * The daemon's VisibilityTimeout: a job is delivered again after it, running or not. Default "300s", as the
   * daemon's.
   */
  readonly visibilityTimeout?: Duration;
  /**
   * Tasks of cron.yaml that may run, by name; every other one is refused. Default none. Nothing signs their ticks, so the
   * door needs `allowPeers`, or `periodicFrom`.
   */
  readonly periodic?: Readonly<Record<string, PeriodicTask>>;
  /** "anyone": ticks are taken from whoever can connect. Absent: from `allowPeers` alone. */
  readonly periodicFrom?: "anyone";
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
 * Elastic Beanstalk's daemon. It receives from SQS and POSTs. It deletes a message on exactly 200; every other answer
 * spends one of its few deliveries. So requests wait in line while all places are taken, and during a shutdown.
 * Throws `CONFIG_INVALID` for an option that makes no sense.
 */
export function sqsd(options: SqsdOptions): Carrier {
  assertKnownOptions(options, OPTIONS, "the options of sqsd");
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
    runs: true,
    line: httpConnections,
    patienceMs: Math.min(inactivityMs, visibilityMs),
    patienceSetting: inactivityMs <= visibilityMs ? "InactivityTimeout" : "VisibilityTimeout",
    paths: [...new Set([...tasks.values()].map(({ path }) => path))],
    makes: [...new Set([...tasks.values()].map(({ job }) => job.type))],
    recognises: ({ headers }) =>
      (header(headers, "user-agent") ?? "").startsWith("aws-sqsd") && Object.hasOwn(headers, "x-aws-sqsd-msgid"),
    provesNothing: ({ headers }) => ring === null || taskIn(headers) !== null,
    ...(tasks.size > 0 && ring !== null && options.periodicFrom !== "anyone" && { needsPeers: NEEDS_PEERS }),
    admits(push) {
      const task = taskIn(push.headers);
      if (task !== null) tickOf(tasks, push, task);
    },
    open(push, body) {
      const task = taskIn(push.headers);
      if (task === null) return parcelOf(push.headers, unwrapped(push, body, ring));
      if (body.length > 0) throw forbidden(`periodic task "${task.slice(0, 100)}" came with a body`);
      const received = wholeHeader(push.headers, "x-aws-sqsd-receive-count", 1) ?? 1;
      const { id, envelope, freshUntil } = tickOf(tasks, push, task);
      const made = { body: envelope, provenId: id, attempt: received, lost: 0, releases: 0 };
      // The daemon sends a tick again until it is answered well.
      return { ...made, signature: null, label: null, once: { name: id, freshUntil, again: "answered" } };
    },
  };
}

const NEEDS_PEERS =
  "sqsd has periodic tasks, and nothing signs their ticks: give `allowPeers`, where the daemon or its proxy connects from " +
  '(["127.0.0.1", "::1"]), or let whoever can connect trigger them, by sqsd({ periodicFrom: "anyone" })';

const taskIn = (headers: HeaderFields): string | null => header(headers, "x-aws-sqsd-taskname");

/** The envelope and what its producer signed it with: beside it as attributes, or around it. */
interface Unwrapped {
  readonly envelope: string;
  readonly signature: Signature | null;
  readonly provenId: string | null;
}

function unwrapped({ headers }: Push, body: Buffer, ring: KeyRing | null): Unwrapped {
  const bytes = decoded(headers, body);
  const signature = signatureIn(headers);
  const wrapper = signature === null ? readSignedWrapper(textOf(bytes)) : null;
  if (wrapper !== null) {
    const { id, envelope } = wrapper;
    if (ring !== null) prove(ring, id, wrapper.signature, envelope);
    return { envelope, signature: wrapper.signature, provenId: id };
  }
  if (ring === null) return { envelope: textOf(bytes), signature, provenId: null };
  if (signature === null) throw forbidden("neither its attributes nor a wrapper sign it");
  // Our own producers name the id, so that nothing of a forged body is read.
  const id = attribute(headers, "waybill-id") ?? envelopeId(bytes.toString());
  if (id === null) throw forbidden("it names no id that its signature could cover");
  prove(ring, id, signature, bytes);
  return { envelope: textOf(bytes), signature, provenId: id };
}

function prove(ring: KeyRing, id: string, { timestamp, value }: Signature, body: string | Buffer): void {
  if (id.length > 255 || id.includes(".")) throw forbidden("what it names as its id is none");
  if (!ring.verify({ id, timestamp, body }, value)) throw forbidden("no key of ours made this signature");
}

/** Bodies that SQS would refuse travel as base64. */
function decoded(headers: HeaderFields, body: Buffer): Buffer {
  const encoding = attribute(headers, "waybill-encoding");
  if (encoding === null) return body;
  if (encoding === "base64") return Buffer.from(body.toString("latin1"), "base64");
  throw new PushRefused(400, "CARRIER_INVALID", `waybill-encoding is ${JSON.stringify(encoding.slice(0, 40))}`);
}

const HISTORY = /^attempt=([1-9]\d{0,8}) lost=(\d{1,9}) releases=(\d{1,9})(?: due=\d{1,15})?$/;

/**
 * What a worker on the same queue has counted, and what SQS has since. `due` is not looked at: when a job comes again
 * is the daemon's to say, and to answer "too early" would spend a delivery.
 */
function parcelOf(headers: HeaderFields, { envelope, signature, provenId }: Unwrapped): Parcel {
  const [, attempt = 1, lost = 0, releases = 0] = HISTORY.exec(attribute(headers, "waybill-delivery") ?? "") ?? [];
  const received = wholeHeader(headers, "x-aws-sqsd-receive-count", 1) ?? 1;
  const counts = {
    attempt: Math.min(Number(attempt) + received - 1, MOST_COUNTED),
    lost: Number(lost),
    releases: Number(releases),
  };
  return { body: envelope, ...counts, signature, label: labelIn(headers, envelope), provenId, once: null };
}

/** Only for a body that does not say it itself: the queue is named as SQS has it. */
function labelIn(headers: HeaderFields, envelope: string): Parcel["label"] {
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
