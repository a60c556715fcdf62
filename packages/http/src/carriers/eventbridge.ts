import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { WaybillError } from "@waybill/core";
import type { Carrier } from "../push/carrier.ts";
import { forbidden } from "../push/push-refused.ts";
import { header } from "../push/push-request.ts";
import { retryAs503 } from "./retry-as-503.ts";
import { textOf } from "../push/body-text.ts";
import { isObject, malformed, member, parsed, textIn } from "./json-wrapper.ts";
import { listOf } from "./oidc.ts";

/** The API key of the connection that the API destination uses. */
export interface EventBridgeOptions {
  /** The connection's "API key name". Default "x-api-key". */
  readonly header?: string | undefined;
  /** The connection's API key, at least 16 characters; two while it is changed. Nothing else authenticates an event. */
  readonly keys: string | readonly string[] | undefined;
}

const OPTIONS: OptionNames<EventBridgeOptions> = { header: true, keys: true };

/**
 * Returns the carrier for API destinations of Amazon EventBridge. The body is the envelope, or a whole event whose `detail`
 * is one. For relays only: it waits 5 seconds. Throws `CONFIG_INVALID` for an option that does not exist or makes no sense.
 */
export function eventBridge(given: EventBridgeOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of eventBridge");
  const { header: name = "x-api-key", keys } = given;
  const digests = listOf(keys, "the keys of eventBridge").map(digestOf);
  const field = name.toLowerCase();
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(field)) {
    throw new WaybillError("CONFIG_INVALID", `the header of eventBridge is "${name}", which is no header's name`);
  }
  return {
    name: "eventBridge",
    waitsForJobs: false,
    maxWaiting: 0,
    ackDeadlineMs: 5_000,
    paths: [],
    // The user agent cannot be changed; other clients of the application may use the key's header.
    recognises: ({ headers }, here) =>
      here && (header(headers, "user-agent") ?? "").startsWith("Amazon/EventBridge/ApiDestinations"),
    checkHeaders({ headers }) {
      if (!isKnown(header(headers, field), digests)) throw forbidden(`the header ${field} contains none of the keys`);
    },
    authenticate(_, body) {
      return {
        body: envelopeOf(textOf(body)),
        attempt: 1,
        lost: 0,
        releases: 0,
        // EventBridge serialises the JSON again, so a producer's signature would not verify.
        signature: null,
        label: null,
        signedId: null,
        replayProtection: null,
      };
    },
    mapResponse: retryAs503,
  };
}

/** Returns the envelope. A rule without `InputPath` sends it inside an event. */
function envelopeOf(text: string): string {
  const event = parsed(text);
  if (!isObject(event) || textIn(event, "detail-type") === null) return text;
  const detail = member(event, "detail");
  if (!isObject(detail)) throw malformed("the event's `detail` is no object");
  return JSON.stringify(detail);
}

/** Compares hashes of one length, and all of them, so that the time does not show how close a guess is. */
function isKnown(given: string | null, digests: readonly Buffer[]): boolean {
  const digest = sha256(given ?? "");
  let matches = 0;
  for (const one of digests) matches |= Number(timingSafeEqual(digest, one));
  return given !== null && matches === 1;
}

function digestOf(key: string): Buffer {
  if (key.length >= 16 && /^[\x21-\x7e]+$/.test(key)) return sha256(key);
  throw new WaybillError(
    "CONFIG_INVALID",
    "a key of eventBridge is shorter than 16 characters or has others than visible ASCII; `waybill keys` makes one",
  );
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
