import { randomBytes, timingSafeEqual } from "node:crypto";
import { wallMs } from "../time/clock.ts";
import type { Signature } from "../backend/contract.ts";
import { WaybillError } from "../errors.ts";
import { Hmac } from "./hmac.ts";

/** The three parts that a signature covers, byte for byte: `id.timestamp.body`, as in Standard Webhooks. */
export interface Signed {
  /** The envelope's id, which has no dot. */
  readonly id: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** The bytes that are sent; a text stands for its UTF-8. */
  readonly body: string | Uint8Array;
}

const PREFIX = "whsec_";

/**
 * Secrets that sign and verify. The first signs, all verify: to rotate, put the new secret first and remove the old one
 * once nothing that it signed is on its way. Prints as "KeyRing(2 keys)"; the secrets cannot be read.
 */
export class KeyRing {
  readonly #keys: readonly Hmac[];
  #requests: KeyRing | null = null;

  /**
   * Throws `CONFIG_INVALID` for an empty list, or for a secret that is not `whsec_` and the base64 of 24 to 64 bytes.
   * The error never shows a secret.
   */
  constructor(secrets: readonly string[]) {
    if (secrets.length === 0) throw refuse("a key ring needs at least one secret; `waybill keys` makes one");
    this.#keys = secrets.map((secret, at) => keyOf(secret, at));
  }

  /** Returns the value of a `webhook-signature` header, made by the first key. */
  sign(signed: Signed): string {
    const [first] = this.#keys;
    if (first === undefined) throw refuse("a key ring needs at least one secret");
    return valueOf(first, signed);
  }

  /**
   * Reports whether any key made any value of the list. Every pair is compared, each in constant time, so that the time
   * reveals nothing about a forgery. Values of other versions are skipped. Values are compared as characters, so that
   * all languages agree on unusual base64.
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
   * The key ring that signs and verifies requests, with a key derived from each secret. A job's signature, whatever its
   * age, is not valid on a request, nor the reverse.
   */
  get requests(): KeyRing {
    this.#requests ??= new KeyRing(this.#keys.map(requestSecretOf));
    return this.#requests;
  }

  /** Returns the number of keys, and no secret. */
  toString(): string {
    return `KeyRing(${this.#keys.length} ${this.#keys.length === 1 ? "key" : "keys"})`;
  }

  /** As `toString`. */
  toJSON(): string {
    return this.toString();
  }
}

/**
 * The text from which the keys of requests are derived (spec/1.0/signing.md). No signed text equals it, since it has no
 * dot.
 */
const REQUEST = "waybill request";
/** "v1," and 32 bytes in base64. */
const VALUE_BYTES = 47;
/**
 * The number of values of one header that are examined: more than a rotation needs, and few enough for every request.
 */
const MOST_VALUES = 8;

/**
 * Returns a key ring of one or more secrets. In one text, as of an environment variable, they are separated by spaces
 * or commas. Throws `CONFIG_INVALID` for no secret, or for a text that is none.
 */
export function keyRing(secrets: KeyRing | string | readonly string[] | undefined): KeyRing {
  if (secrets instanceof KeyRing) return secrets;
  if (typeof secrets !== "string" && !Array.isArray(secrets)) throw refuse(noSecrets(secrets));
  const list = typeof secrets === "string" ? secrets.split(/[\s,]+/).filter((one) => one !== "") : secrets;
  return new KeyRing(list);
}

/** Returns the error text for a value that holds no secrets. The value itself is never shown. */
function noSecrets(given: unknown): string {
  const said = given === undefined ? "undefined; is the environment variable set?" : `a ${typeof given}.`;
  return `the secrets of a key ring are ${said} Give "whsec_" texts, as one text or a list; \`waybill keys\` makes one`;
}

/** Returns a new secret: `whsec_` and the base64 of 32 random bytes. */
export function newSecret(): string {
  return `${PREFIX}${randomBytes(32).toString("base64")}`;
}

/**
 * Returns the secret that signs requests, derived from the given one, for a sender that uses a library of Standard
 * Webhooks and not this package. Throws `CONFIG_INVALID` for a text that is no secret.
 */
export function requestSecret(secret: string): string {
  return requestSecretOf(keyOf(secret, 0));
}

function requestSecretOf(key: Hmac): string {
  return `${PREFIX}${key.digest(REQUEST, "")}`;
}

/** Returns a signature for a job, with the current time. */
export function signatureFor(keys: KeyRing, id: string, body: string): Signature {
  const timestamp = Math.floor(wallMs() / 1_000);
  return { timestamp, value: keys.sign({ id, timestamp, body }) };
}

function valueOf(key: Hmac, { id, timestamp, body }: Signed): string {
  return `v1,${key.digest(`${id}.${timestamp}.`, body)}`;
}

function keyOf(secret: string, at: number): Hmac {
  const key = Buffer.from(typeof secret === "string" ? secret.slice(PREFIX.length) : "", "base64");
  // Node also decodes malformed base64, from which another language would make another key, or none.
  const isWhole = `${PREFIX}${key.toString("base64")}` === secret;
  if (key.length >= 24 && key.length <= 64 && isWhole) return new Hmac(key);
  throw refuse(
    `secret ${at + 1} of the key ring is not "whsec_" and the base64 of 24 to 64 bytes; \`waybill keys\` makes one`,
  );
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
