import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import type { Buffer } from "node:buffer";
import { type Duration, keyRing, type KeyRing } from "@waybill/core";
import type { JobLabel } from "@waybill/core/door";
import type { Carrier, Parcel } from "../carrier.ts";
import { positiveMs } from "../positive-ms.ts";
import { producerSignature, seconds } from "../producer-signature.ts";
import { textOf } from "../text.ts";
import { warnOfUnsigned } from "../unsigned.ts";
import { forbidden } from "../problem.ts";
import { header, type HeaderFields, wholeHeader } from "../push.ts";

/** Whose signatures are let in, and how old they may be. */
export interface NativeOptions {
  /** A key ring, `whsec_` secrets, of which the keys of requests are derived, or "unsigned": anybody who can connect may push. */
  readonly keys: KeyRing | string | readonly string[];
  /** A request is fresh for this long before and after its timestamp. Default "5m". */
  readonly tolerance?: Duration;
}

const OPTIONS: OptionNames<NativeOptions> = { keys: true, tolerance: true };

/**
 * Our own sender, or Standard Webhooks. A library of theirs signs by `requestSecret`. Its page is spec/1.0/push.md. Throws `CONFIG_INVALID` for an option that
 * makes no sense.
 */
export function native(given: NativeOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of native");
  const { keys, tolerance } = given;
  return signedBy(keys === "unsigned" ? null : keyRing(keys).requests, tolerance);
}

/** Requests that a key of this ring has signed lately; null: whatever comes. Throws `CONFIG_INVALID`. */
export function signedBy(ring: KeyRing | null, tolerance: Duration = "5m"): Carrier {
  if (ring === null) warnOfUnsigned("native");
  const toleranceMs = positiveMs(tolerance, "tolerance");
  return {
    name: "native",
    runs: true,
    line: 0,
    patienceMs: Infinity,
    paths: [],
    // Elsewhere it may be another webhook of the application, signed by the same standard.
    recognises: ({ headers }, here) => here && (ring === null || Object.hasOwn(headers, "webhook-signature")),
    provesNothing: () => ring === null,
    admits({ headers }) {
      if (ring !== null) proofIn(headers, toleranceMs);
    },
    open({ headers }, body) {
      if (ring === null) return parcelOf(headers, body);
      const { id, timestamp, signature } = proofIn(headers, toleranceMs);
      if (!ring.verify({ id, timestamp, body }, signature)) throw forbidden("no key of ours made this signature");
      // Not by the signature: values added to its list would make another request of it.
      const once = { name: id, freshUntil: timestamp * 1_000 + toleranceMs, again: "refused" } as const;
      return { ...parcelOf(headers, body), provenId: id, once };
    },
  };
}

/** Throws `PushRefused` for what no body could prove. Whether it is stale whoever wrote the timestamp knows: no word of the body is needed. */
function proofIn(headers: HeaderFields, toleranceMs: number): { id: string; timestamp: number; signature: string } {
  const id = header(headers, "webhook-id");
  const timestamp = seconds(header(headers, "webhook-timestamp"));
  const signature = header(headers, "webhook-signature");
  if (id === null || signature === null || timestamp === null) throw forbidden("it is not signed");
  if (id === "" || id.length > 255 || id.includes(".")) throw forbidden("webhook-id is no id");
  if (!VALUE.test(signature)) throw forbidden("its signature has no value of version 1");
  if (Math.abs(Date.now() - timestamp * 1_000) > toleranceMs) throw forbidden("its timestamp is stale");
  return { id, timestamp, signature };
}

/** One of the values at least: "v1," and the base64 of 32 bytes. */
const VALUE = /(?:^| )v1,[A-Za-z0-9+/]{43}=(?: |$)/;

/** What our sender says beside the body; each is optional, and what is not well-formed counts as absent. */
function parcelOf(headers: HeaderFields, body: Buffer): Parcel {
  return {
    body: textOf(body),
    attempt: wholeHeader(headers, "waybill-attempt", 1) ?? 1,
    lost: wholeHeader(headers, "waybill-lost", 0) ?? 0,
    releases: wholeHeader(headers, "waybill-releases", 0) ?? 0,
    signature: producerSignature((name) => header(headers, name)),
    label: labelIn(headers),
    provenId: null,
    once: null,
  };
}

/** Near enough to a type or a queue: a header that came twice is neither. */
const NAME = /^[\w.-]{1,255}$/;

function labelIn(headers: HeaderFields): JobLabel | null {
  const id = header(headers, "webhook-id");
  const type = header(headers, "waybill-type");
  const queue = header(headers, "waybill-queue");
  if (id === null || type === null || queue === null || !NAME.test(type) || !NAME.test(queue)) return null;
  return { id, type, queue };
}
