import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { createHash, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { type Duration, WaybillError } from "@waybill/core";
import { durationMs, isInstance } from "@waybill/core/endpoint";
import { errors, type JWTPayload, jwtVerify } from "jose";
import type { Carrier } from "../push/carrier.ts";
import { envelopeId } from "../push/envelope-in-body.ts";
import { producerSignature } from "../push/producer-signature.ts";
import { forbidden } from "../push/push-refused.ts";
import type { PushResponse } from "../push/push-response.ts";
import { header, type HeaderFields, MAX_COUNT, wholeHeader } from "../push/push-request.ts";
import { textOf } from "../push/body-text.ts";
import { LEEWAY_S, listOf, tokenRefusal } from "./oidc.ts";

/** The signing keys of a QStash account, and where it posts. */
export interface QstashOptions {
  /** `QSTASH_CURRENT_SIGNING_KEY`. */
  readonly currentKey: string | undefined;
  /** `QSTASH_NEXT_SIGNING_KEY`, which signs once the keys are rotated. */
  readonly nextKey: string | undefined;
  /** The URL that the job was published to, exactly: each signature covers one. One of several must match. */
  readonly url: string | readonly string[] | undefined;
  /** How long QStash waits for a response: `Upstash-Timeout`, or the limit of the plan. Default: not known. */
  readonly timeout?: Duration | undefined;
  /**
   * How many requests may wait for a free slot. Each refused one would spend one of its few retries. Default 50.
   */
  readonly maxWaiting?: number | undefined;
}

const OPTIONS: OptionNames<QstashOptions> = {
  currentKey: true,
  nextKey: true,
  url: true,
  timeout: true,
  maxWaiting: true,
};

/**
 * Returns the carrier for messages of Upstash QStash. The body is the envelope. Throws `CONFIG_INVALID` for an option that
 * does not exist or makes no sense.
 */
export function qstash(given: QstashOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of qstash");
  const { currentKey, nextKey, url, timeout, maxWaiting = 50 } = given;
  const keys = [keyOf(currentKey, "currentKey"), keyOf(nextKey, "nextKey")];
  const urls = listOf(url, "the url of qstash");
  if (!urls.every((one) => URL.canParse(one)))
    throw configError("the url of qstash is no absolute URL: give the one that jobs are published to");
  if (!Number.isSafeInteger(maxWaiting) || maxWaiting < 0)
    throw configError(`the maxWaiting of qstash is ${maxWaiting}: 0 or more`);

  async function prove(headers: HeaderFields): Promise<JWTPayload> {
    const claims = await verify(header(headers, "upstash-signature") ?? "", keys);
    if (urls.includes(String(claims.sub))) return claims;
    throw forbidden("its token is for another url");
  }

  return {
    name: "qstash",
    waitsForJobs: true,
    maxWaiting,
    ackDeadlineMs: timeout === undefined ? Infinity : durationMs(timeout, "timeout"),
    ackDeadlineSetting: "Upstash-Timeout",
    paths: [],
    // At other paths they are the application's own messages.
    recognises: ({ headers }, here) => here && Object.hasOwn(headers, "upstash-signature"),
    checkHeaders: async ({ headers }) => void (await prove(headers)),
    async authenticate({ headers }, body) {
      const claims = await prove(headers);
      if (!isHashOf(claims["body"], body)) throw forbidden("its token is for another body");
      const envelope = textOf(body);
      return {
        body: envelope,
        // QStash counts every response that is not 2xx, so a release counts as a retry.
        attempt: Math.min((wholeHeader(headers, "upstash-retried", 0) ?? 0) + 1, MAX_COUNT),
        lost: 0,
        releases: 0,
        signature: producerSignature((name) => header(headers, name)),
        label: null,
        signedId: envelopeId(envelope),
        // `jti` identifies the token, not the delivery: a retry may have the same one.
        replayProtection: null,
      };
    },
    mapResponse,
  };
}

/** Verifies with the current key, then with the next one if only the signature does not match. */
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

/** Returns true if the claim is the base64url of the body's SHA-256, padded or not. */
function isHashOf(claim: unknown, body: Buffer): boolean {
  const claimed = Buffer.from(typeof claim === "string" ? claim : "", "base64url");
  const hash = createHash("sha256").update(body).digest();
  return claimed.length === hash.length && timingSafeEqual(claimed, hash);
}

/** QStash retries every response that is not 2xx, except 489 with this header, which moves the job to its dead-letter queue. */
function mapResponse(response: PushResponse): PushResponse {
  if (response.headers["waybill-outcome"] !== "dead" || response.status === 200) return response;
  if (response.headers["waybill-kept"] === "false") return { ...response, status: 200 };
  return { ...response, status: 489, headers: { ...response.headers, "upstash-nonretryable-error": "true" } };
}

function keyOf(secret: string | undefined, name: string): KeyObject {
  if (typeof secret === "string" && secret.length >= 16) return createSecretKey(Buffer.from(secret));
  const said = secret === undefined ? "undefined; is its environment variable set?" : "no signing key;";
  throw configError(`the ${name} of qstash is ${said} Upstash's console shows both`);
}

function configError(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
