import type { Signature } from "../backend/contract.ts";
import { type Envelope, parseEnvelope } from "../envelope/index.ts";
import { EnvelopeError } from "../errors.ts";
import { type KeyRing, keyRing, signatureFor } from "./key-ring.ts";

/** A signed job in one text, as spec/1.0/signing.md defines it. */
export interface SignedWrapper {
  readonly id: string;
  readonly signature: Signature;
  /** The signed text, byte for byte. */
  readonly envelope: string;
}

const SPEC = "waybill-signed/1";
/** Unix seconds in eleven digits. */
const LATEST = 99_999_999_999;
/** The characters of a header value. A text column could not store every character of a JSON string. */
const HEADER_VALUE = /^[ -~]+$/;

/**
 * Returns an envelope and its signature in one text, for queues and scripts that have no field beside the body. The
 * text has no character that SQS or an emulator of it refuses. Throws `EnvelopeError` for a body that is no envelope.
 */
export function signedWrapper(keys: KeyRing | string | readonly string[], envelope: string): string {
  const { id } = parseEnvelope(envelope);
  const { timestamp, value } = signatureFor(keyRing(keys), id, envelope);
  const text = JSON.stringify({ spec: SPEC, id, ts: timestamp, sig: value, envelope });
  return text.replace(/[\ud800-\udfff\ufffe\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

/** Parses a wrapper; returns null for any other text. Does not verify the signature. Unknown members are ignored. */
export function readSignedWrapper(text: string): SignedWrapper | null {
  // Some languages escape the slash.
  if (!text.includes('"waybill-signed')) return null;
  const { spec, id, ts, sig, envelope } = objectIn(text);
  if (spec !== SPEC || typeof id !== "string" || typeof sig !== "string" || typeof envelope !== "string") return null;
  if (typeof ts !== "number" || !Number.isInteger(ts) || ts < 0 || ts > LATEST) return null;
  if (!HEADER_VALUE.test(sig)) return null;
  return { id, signature: { timestamp: ts, value: sig }, envelope };
}

/**
 * Returns the envelope in a wrapper. Throws `EnvelopeError`, with `SIGNATURE_INVALID` where the wrapper's id is not the
 * envelope's.
 */
export function envelopeWithin({ id, envelope }: SignedWrapper): Envelope {
  const within = parseEnvelope(envelope);
  if (within.id === id) return within;
  throw new EnvelopeError("SIGNATURE_INVALID", "/id", `the wrapper signs job "${id}" and contains job "${within.id}"`);
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
