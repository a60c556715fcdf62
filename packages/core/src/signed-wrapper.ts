import type { Signature } from "./backend.ts";
import { type Envelope, parseEnvelope } from "./envelope/index.ts";
import { EnvelopeError } from "./errors.ts";
import { type KeyRing, keyRing, signatureFor } from "./signing.ts";

/** A signed job in one text: spec/1.0/signing.md. */
export interface SignedWrapper {
  readonly id: string;
  readonly signature: Signature;
  /** What is signed, byte for byte. */
  readonly envelope: string;
}

const SPEC = "waybill-signed/1";
/** Unix seconds in eleven digits. */
const LATEST = 99_999_999_999;
/** As a header would have it: a column of text could not hold everything that a JSON string can. */
const HEADER_VALUE = /^[ -~]+$/;

/**
 * An envelope and its signature in one text. It is for queues and scripts that have no place beside the body. It
 * holds no character that SQS or a copy of it refuses. Throws `EnvelopeError` for a body that is no envelope.
 */
export function signedWrapper(keys: KeyRing | string | readonly string[], envelope: string): string {
  const { id } = parseEnvelope(envelope);
  const { timestamp, value } = signatureFor(keyRing(keys), id, envelope);
  const text = JSON.stringify({ spec: SPEC, id, ts: timestamp, sig: value, envelope });
  return text.replace(/[\ud800-\udfff\ufffe\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

/** Takes a wrapper apart; null for any other text. Proves nothing. Members it does not know are ignored. */
export function readSignedWrapper(text: string): SignedWrapper | null {
  // Some languages write the slash with an escape.
  if (!text.includes('"waybill-signed')) return null;
  const { spec, id, ts, sig, envelope } = objectIn(text);
  if (spec !== SPEC || typeof id !== "string" || typeof sig !== "string" || typeof envelope !== "string") return null;
  if (typeof ts !== "number" || !Number.isInteger(ts) || ts < 0 || ts > LATEST) return null;
  if (!HEADER_VALUE.test(sig)) return null;
  return { id, signature: { timestamp: ts, value: sig }, envelope };
}

/** Throws `EnvelopeError`, with `SIGNATURE_INVALID` for an envelope of another job than the wrapper signs. */
export function envelopeWithin({ id, envelope }: SignedWrapper): Envelope {
  const within = parseEnvelope(envelope);
  if (within.id === id) return within;
  throw new EnvelopeError("SIGNATURE_INVALID", "/id", `the wrapper signs job "${id}" and holds job "${within.id}"`);
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
