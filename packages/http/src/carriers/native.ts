import { assertKnownOptions, assertGuardOptions, type OptionNames } from "@waybill/core/backend";
import type { Buffer } from "node:buffer";
import { type Duration, keyRing, type KeyRing } from "@waybill/core";
import type { JobLabel } from "@waybill/core/endpoint";
import type { Carrier } from "../push/carrier.ts";
import type { InboundDelivery } from "../push/inbound-delivery.ts";
import { positiveMs } from "../options/positive-duration.ts";
import { producerSignature, seconds } from "../push/producer-signature.ts";
import { textOf } from "../push/body-text.ts";
import { KEYS_NEEDED, warnOfUnsigned } from "../options/unsigned-keys.ts";
import { forbidden } from "../push/push-refused.ts";
import { staleTimestamp } from "../push/stale-timestamp.ts";
import { header, type HeaderFields, wholeHeader } from "../push/push-request.ts";

/** Which signatures are accepted, and how old they may be. */
export interface NativeOptions {
  /** A key ring, `whsec_` secrets, from which the keys of requests are derived, or "unsigned": any program that can connect may push. */
  readonly keys: KeyRing | string | readonly string[] | undefined;
  /** How far a request's timestamp may be from this clock, before and after. Default "5m". */
  readonly tolerance?: Duration | undefined;
}

const OPTIONS: OptionNames<NativeOptions> = { keys: true, tolerance: true };

/**
 * Returns the carrier for our own sender and for Standard Webhooks libraries, which sign with `requestSecret`. Specified in
 * spec/1.0/push.md. Throws `CONFIG_INVALID` for an option that does not exist or makes no sense.
 */
export function native(given: NativeOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of native");
  assertGuardOptions(given, ["keys"], "the options of native", KEYS_NEEDED);
  const { keys, tolerance } = given;
  if (keys === "unsigned") return signedBy(null, tolerance);
  const ring = keyRing(keys);
  return signedBy(ring.requests, tolerance, ring);
}

/**
 * Returns the carrier for requests signed with this ring; null accepts unsigned ones. A request signed by `ofJobs` is refused as
 * any other, and the log says that it has a job's signature. Throws `CONFIG_INVALID`.
 */
export function signedBy(ring: KeyRing | null, tolerance: Duration = "5m", ofJobs?: KeyRing): Carrier {
  if (ring === null) warnOfUnsigned("native");
  const toleranceMs = positiveMs(tolerance, "tolerance");
  return {
    name: "native",
    waitsForJobs: true,
    maxWaiting: 0,
    ackDeadlineMs: Infinity,
    paths: [],
    settlesByOutcome: true,
    // At other paths it may be another webhook of the application, signed by the same standard.
    recognises: ({ headers }, here) => here && (ring === null || Object.hasOwn(headers, "webhook-signature")),
    isUnauthenticated: () => ring === null,
    checkHeaders({ headers }) {
      if (ring !== null) signatureIn(headers, toleranceMs);
    },
    authenticate({ headers }, body) {
      if (ring === null) return deliveryFrom(headers, body);
      const { id, timestamp, signature } = signatureIn(headers, toleranceMs);
      if (!ring.verify({ id, timestamp, body }, signature)) {
        throw forbidden(ofJobs?.verify({ id, timestamp, body }, signature) ? JOB_SIGNATURE : NO_KEY);
      }
      // Not the signature: a value added to its list would make a new key of the same request.
      const key = { name: id, freshUntil: timestamp * 1_000 + toleranceMs };
      const replayProtection = { ...key, onReplay: "refuse" } as const;
      return { ...deliveryFrom(headers, body), signedId: id, replayProtection };
    },
  };
}

/** Returns the signature and what it covers besides the body. Throws `PushRefused` if it is malformed or stale. */
function signatureIn(headers: HeaderFields, toleranceMs: number): { id: string; timestamp: number; signature: string } {
  const id = header(headers, "webhook-id");
  const timestamp = seconds(header(headers, "webhook-timestamp"));
  const signature = header(headers, "webhook-signature");
  if (id === null || signature === null || timestamp === null) throw forbidden("it is not signed");
  if (id === "" || id.length > 255 || id.includes("."))
    throw forbidden("webhook-id is empty, longer than 255 characters or has a dot");
  if (!VALUE.test(signature)) throw forbidden("its signature has no value of version 1");
  const aheadMs = timestamp * 1_000 - Date.now();
  if (Math.abs(aheadMs) > toleranceMs) throw staleTimestamp("timestamp", aheadMs, toleranceMs, "tolerance");
  return { id, timestamp, signature };
}

const NO_KEY = "none of the keys made this signature: compare WAYBILL_KEYS of the sender and of this program";
const JOB_SIGNATURE =
  "it is signed as a job, by the secret's own key: sign requests by the key of requests, which `waybill keys --requests` prints";

/** Matches if at least one value is "v1," and the base64 of 32 bytes. */
const VALUE = /(?:^| )v1,[A-Za-z0-9+/]{43}=(?: |$)/;

/** Every header is optional, and a malformed one counts as absent. */
function deliveryFrom(headers: HeaderFields, body: Buffer): InboundDelivery {
  return {
    body: textOf(body),
    attempt: wholeHeader(headers, "waybill-attempt", 1) ?? 1,
    lost: wholeHeader(headers, "waybill-lost", 0) ?? 0,
    releases: wholeHeader(headers, "waybill-releases", 0) ?? 0,
    signature: producerSignature((name) => header(headers, name)),
    label: labelIn(headers),
    signedId: null,
    replayProtection: null,
  };
}

/** What a type or a queue may look like. A header that came twice does not match. */
const NAME = /^[\w.-]{1,255}$/;

function labelIn(headers: HeaderFields): JobLabel | null {
  const id = header(headers, "webhook-id");
  const type = header(headers, "waybill-type");
  const queue = header(headers, "waybill-queue");
  if (id === null || type === null || queue === null || !NAME.test(type) || !NAME.test(queue)) return null;
  return { id, type, queue };
}
