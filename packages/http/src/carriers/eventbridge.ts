import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { WaybillError } from "@waybill/core";
import type { Carrier } from "../carrier.ts";
import { forbidden } from "../problem.ts";
import { header } from "../push.ts";
import { laterBy503 } from "../respond.ts";
import { textOf } from "../text.ts";
import { isObject, malformed, member, parsed, textIn } from "../wrapping.ts";
import { listOf } from "./oidc.ts";

/** The key of the connection that the API destination uses. */
export interface EventBridgeOptions {
  /** The connection's "API key name". Default "x-api-key". */
  readonly header?: string;
  /** The connection's API key, at least 16 characters; two while it is changed. Nothing else proves who sent an event. */
  readonly keys: string | readonly string[];
}

const OPTIONS: OptionNames<EventBridgeOptions> = { header: true, keys: true };

/**
 * API destinations of Amazon EventBridge. The body is the envelope, or a whole event whose `detail` is one. To be
 * relayed: it waits 5 seconds. Throws `CONFIG_INVALID` for an option that makes no sense.
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
    runs: false,
    line: 0,
    patienceMs: 5_000,
    paths: [],
    // Its user agent cannot be changed; the key's header may be any client's of the application.
    recognises: ({ headers }, here) =>
      here && (header(headers, "user-agent") ?? "").startsWith("Amazon/EventBridge/ApiDestinations"),
    admits({ headers }) {
      if (!isKnown(header(headers, field), digests)) throw forbidden("no key of ours is in its header");
    },
    open(_, body) {
      return {
        body: envelopeOf(textOf(body)),
        attempt: 1,
        lost: 0,
        releases: 0,
        // EventBridge writes the JSON anew, so that a signature of the producer's would no longer be right.
        signature: null,
        label: null,
        provenId: null,
        once: null,
      };
    },
    reply: laterBy503,
  };
}

/** A rule without `InputPath` sends the event around the envelope. */
function envelopeOf(text: string): string {
  const event = parsed(text);
  if (!isObject(event) || textIn(event, "detail-type") === null) return text;
  const detail = member(event, "detail");
  if (!isObject(detail)) throw malformed("its `detail` is no object");
  return JSON.stringify(detail);
}

/** Hashes are of one length, and all are compared: how long it takes tells nothing of how close a guess came. */
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
