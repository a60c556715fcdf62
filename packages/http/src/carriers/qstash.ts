import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { createHash, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { type Duration, WaybillError } from "@waybill/core";
import { durationMs, isInstance } from "@waybill/core/door";
import { errors, type JWTPayload, jwtVerify } from "jose";
import type { Carrier } from "../carrier.ts";
import { envelopeId } from "../envelope-in.ts";
import { producerSignature } from "../producer-signature.ts";
import { forbidden } from "../problem.ts";
import { type PushAnswer, header, type HeaderFields, MOST_COUNTED, wholeHeader } from "../push.ts";
import { textOf } from "../text.ts";
import { LEEWAY_S, listOf, tokenRefusal } from "./oidc.ts";

/** The signing keys of a QStash account, and where it posts. */
export interface QstashOptions {
  /** `QSTASH_CURRENT_SIGNING_KEY`. */
  readonly currentKey: string;
  /** `QSTASH_NEXT_SIGNING_KEY`, which signs from the moment the keys are rotated. */
  readonly nextKey: string;
  /** The URL that was given when the job was published, to the letter: each signature is for one. Any of several. */
  readonly url: string | readonly string[];
  /** How long QStash waits for an answer: `Upstash-Timeout`, or what the plan allows. Default: not known. */
  readonly timeout?: Duration;
  /**
   * Requests that may wait while every place is taken: each one turned away spends one of its few retries. Default
   * 50.
   */
  readonly line?: number;
}

const OPTIONS: OptionNames<QstashOptions> = { currentKey: true, nextKey: true, url: true, timeout: true, line: true };

/** Messages of Upstash QStash. The body is the envelope. Throws `CONFIG_INVALID` for an option that makes no sense. */
export function qstash(given: QstashOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of qstash");
  const { currentKey, nextKey, url, timeout, line = 50 } = given;
  const keys = [keyOf(currentKey, "currentKey"), keyOf(nextKey, "nextKey")];
  const urls = listOf(url, "the url of qstash");
  if (!urls.every((one) => URL.canParse(one)))
    throw refuse("the url of qstash is no whole URL: give it as published to");
  if (!Number.isSafeInteger(line) || line < 0) throw refuse(`the line of qstash is ${line}: 0 or more`);

  async function prove(headers: HeaderFields): Promise<JWTPayload> {
    const claims = await verify(header(headers, "upstash-signature") ?? "", keys);
    if (urls.includes(String(claims.sub))) return claims;
    throw forbidden("its token is for another url");
  }

  return {
    name: "qstash",
    runs: true,
    line,
    patienceMs: timeout === undefined ? Infinity : durationMs(timeout, "timeout"),
    patienceSetting: "Upstash-Timeout",
    paths: [],
    // Elsewhere they are the application's own messages.
    recognises: ({ headers }, here) => here && Object.hasOwn(headers, "upstash-signature"),
    admits: async ({ headers }) => void (await prove(headers)),
    async open({ headers }, body) {
      const claims = await prove(headers);
      if (!isHashOf(claims["body"], body)) throw forbidden("its token is for another body");
      const envelope = textOf(body);
      return {
        body: envelope,
        // Releases are retries to QStash: it counts every answer that is not 2xx.
        attempt: Math.min((wholeHeader(headers, "upstash-retried", 0) ?? 0) + 1, MOST_COUNTED),
        lost: 0,
        releases: 0,
        signature: producerSignature((name) => header(headers, name)),
        label: null,
        provenId: envelopeId(envelope),
        // Its `jti` names the token and not the delivery; nothing says that a retry has another.
        once: null,
      };
    },
    reply,
  };
}

/** By the current key, then by the next. A token that one of them has signed is not tried again. */
async function verify(token: string, keys: readonly KeyObject[]): Promise<JWTPayload> {
  let refused: unknown = forbidden("it is not signed");
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ["HS256"],
        issuer: "Upstash",
        clockTolerance: LEEWAY_S,
        requiredClaims: ["exp", "nbf", "sub", "body"],
      });
      return payload;
    } catch (thrown) {
      refused = tokenRefusal(thrown);
      if (!isInstance(thrown, errors.JWSSignatureVerificationFailed)) break;
    }
  }
  throw refused;
}

/** The claim is base64url of SHA-256, padded or not. */
function isHashOf(claim: unknown, body: Buffer): boolean {
  const claimed = Buffer.from(typeof claim === "string" ? claim : "", "base64url");
  const hash = createHash("sha256").update(body).digest();
  return claimed.length === hash.length && timingSafeEqual(claimed, hash);
}

/** It retries whatever is not 2xx, but for one status with one header: that goes to its dead-letter queue at once. */
function reply(answer: PushAnswer): PushAnswer {
  if (answer.headers["waybill-outcome"] !== "dead" || answer.status === 200) return answer;
  if (answer.headers["waybill-kept"] === "false") return { ...answer, status: 200 };
  return { ...answer, status: 489, headers: { ...answer.headers, "upstash-nonretryable-error": "true" } };
}

function keyOf(secret: string, name: string): KeyObject {
  if (typeof secret === "string" && secret.length >= 16) return createSecretKey(Buffer.from(secret));
  throw refuse(`the ${name} of qstash is no signing key; Upstash's console shows both`);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
