import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Signature } from "./backend.ts";
import { WaybillError } from "./errors.ts";
import { Hmac } from "./hmac.ts";

/** What a signature covers, byte for byte: `id.timestamp.body`, as Standard Webhooks has it. */
export interface Signed {
  /** The envelope's id; without a dot, which no UUID has. */
  readonly id: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** The bytes as they travel; text stands for its UTF-8. */
  readonly body: string | Uint8Array;
}

const PREFIX = "whsec_";

/**
 * Secrets that sign and verify: the first signs, all verify, so that a new one goes in front and the old one leaves
 * once nothing signed with it is under way. Prints as "KeyRing(2 keys)": the secrets are not to be had back.
 */
export class KeyRing {
  readonly #keys: readonly Hmac[];
  #requests: KeyRing | null = null;

  /**
   * Throws `CONFIG_INVALID` for none, or for one that is not `whsec_` and the base64 of 24 to 64 bytes. Never shows
   * one.
   */
  constructor(secrets: readonly string[]) {
    if (secrets.length === 0) throw refuse("a key ring needs at least one secret; `waybill keys` makes one");
    this.#keys = secrets.map((secret, at) => keyOf(secret, at));
  }

  /** The value of a `webhook-signature` header, by the first key. */
  sign(signed: Signed): string {
    const [first] = this.#keys;
    if (first === undefined) throw refuse("a key ring needs at least one secret");
    return valueOf(first, signed);
  }

  /**
   * Whether any value of the list was made by any key. Every pair is compared, each in constant time: how long it
   * takes tells nothing of how close a forgery came. Values of other versions are passed over. As characters, so that
   * every language agrees on base64 that nobody writes.
   */
  verify(signed: Signed, value: string): boolean {
    const given = value
      .split(" ")
      .slice(0, MOST_VALUES)
      .map((one) => Buffer.from(one))
      .filter(({ length }) => length === VALUE_BYTES);
    let matches = 0;
    for (const key of this.#keys) {
      const expected = Buffer.from(valueOf(key, signed));
      for (const one of given) matches |= Number(timingSafeEqual(expected, one));
    }
    return matches === 1;
  }

  /**
   * The ring that signs and verifies requests which carry a job: a key derived from each secret. What was signed as a job,
   * at any time, is no signature of a request, and the other way about.
   */
  get requests(): KeyRing {
    this.#requests ??= new KeyRing(this.#keys.map(requestSecretOf));
    return this.#requests;
  }

  /** How many keys there are, and none of them. */
  toString(): string {
    return `KeyRing(${this.#keys.length} ${this.#keys.length === 1 ? "key" : "keys"})`;
  }

  /** As `toString`. */
  toJSON(): string {
    return this.toString();
  }
}

/** From which the keys of requests are derived: spec/1.0/signing.md. No signed text is this one, since it has no dot. */
const REQUEST = "waybill request";
/** "v1," and 32 bytes in base64. */
const VALUE_BYTES = 47;
/** Of one header: more than any rotation needs, and few enough to be checked at every request. */
const MOST_VALUES = 8;

/**
 * A key ring from one secret or several. Those of one text are separated by spaces or commas, as an environment has
 * them. Throws `CONFIG_INVALID` for none, or for one that is no secret.
 */
export function keyRing(secrets: KeyRing | string | readonly string[]): KeyRing {
  if (secrets instanceof KeyRing) return secrets;
  const list = typeof secrets === "string" ? secrets.split(/[\s,]+/).filter((one) => one !== "") : secrets;
  return new KeyRing(list);
}

/** A fresh secret: `whsec_` and 32 random bytes. */
export function newSecret(): string {
  return `${PREFIX}${randomBytes(32).toString("base64")}`;
}

/**
 * Returns the secret that signs requests. It is derived from one of yours, for a sender that has a library of Standard
 * Webhooks and not this package. Throws `CONFIG_INVALID` for what is no secret.
 */
export function requestSecret(secret: string): string {
  return requestSecretOf(keyOf(secret, 0));
}

function requestSecretOf(key: Hmac): string {
  return `${PREFIX}${key.digest(REQUEST, "")}`;
}

/** A signature to travel with a job, made now. */
export function signatureFor(keys: KeyRing, id: string, body: string): Signature {
  const timestamp = Math.floor(Date.now() / 1_000);
  return { timestamp, value: keys.sign({ id, timestamp, body }) };
}

function valueOf(key: Hmac, { id, timestamp, body }: Signed): string {
  return `v1,${key.digest(`${id}.${timestamp}.`, body)}`;
}

function keyOf(secret: string, at: number): Hmac {
  const key = Buffer.from(secret.slice(PREFIX.length), "base64");
  // Node decodes what is not quite base64 as well; another language would make another key of it, or none.
  const isWhole = `${PREFIX}${key.toString("base64")}` === secret;
  if (key.length >= 24 && key.length <= 64 && isWhole) return new Hmac(key);
  throw refuse(
    `secret ${at + 1} of the key ring is not "whsec_" and the base64 of 24 to 64 bytes; \`waybill keys\` makes one`,
  );
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
