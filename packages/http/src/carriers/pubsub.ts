import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { type Duration, WaybillError } from "@waybill/core";
import { durationMs } from "@waybill/core/door";
import type { Carrier } from "../carrier.ts";
import { forbidden } from "../problem.ts";
import { producerSignature } from "../producer-signature.ts";
import { type PushAnswer, header, type HeaderFields, MOST_COUNTED } from "../push.ts";
import { textOf } from "../text.ts";
import { isObject, malformed, member, textIn, type Wrapping, wrappingOf } from "../wrapping.ts";
import { bearerProof, listOf, type OidcOptions } from "./oidc.ts";

/** Whose tokens are let in, and of which subscriptions. */
export interface PubsubOptions extends OidcOptions {
  /** Only these may push, by their whole names: "projects/p/subscriptions/s". Absent: any whose token is right. */
  readonly subscriptions?: readonly string[];
  /** The subscription's own, 10 s to 10 min: longer than this Pub/Sub does not wait. Default "10s", as is Pub/Sub's. */
  readonly ackDeadline?: Duration;
  /** Requests that may wait while every place is taken: each one turned away spends a delivery attempt. Default 50. */
  readonly line?: number;
}

/** What a message says of itself, in whichever of the two forms it came. */
interface Pushed {
  readonly body: string;
  readonly attempt: number;
  readonly subscription: string | null;
  readonly attribute: (name: string) => string | null;
}

const OPTIONS: OptionNames<PubsubOptions> = {
  audience: true,
  serviceAccounts: true,
  jwks: true,
  subscriptions: true,
  ackDeadline: true,
  line: true,
};

/**
 * Push subscriptions of Google Pub/Sub. Wrapped or unwrapped with metadata; the message's data is the envelope.
 * Throws `CONFIG_INVALID` for an option that makes no sense.
 */
export function pubsub(given: PubsubOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of pubsub");
  const { subscriptions, ackDeadline = "10s", line = 50, ...oidc } = given;
  const prove = bearerProof(oidc, "pubsub");
  const allowed = subscriptions === undefined ? null : listOf(subscriptions, "the subscriptions of pubsub");
  const patienceMs = durationMs(ackDeadline, "ackDeadline");
  if (patienceMs < 10_000 || patienceMs > 600_000) {
    throw new WaybillError("CONFIG_INVALID", `ackDeadline is ${patienceMs} ms: Pub/Sub takes "10s" to "10m"`);
  }
  if (!Number.isSafeInteger(line) || line < 0) {
    throw new WaybillError("CONFIG_INVALID", `the line of pubsub is ${line}: 0 or more`);
  }
  return {
    name: "pubsub",
    runs: true,
    line,
    patienceMs,
    patienceSetting: "ackDeadlineSeconds",
    paths: [],
    keepsDead: false,
    // Elsewhere they are the application's own subscriptions.
    recognises: ({ headers }, here) =>
      here && (isUnwrapped(headers) || AGENT.test(header(headers, "user-agent") ?? "")),
    admits: ({ headers }) => prove(headers),
    open({ headers }, body) {
      const pushed = isUnwrapped(headers) ? unwrapped(headers, body) : unwrap(wrappingOf(body));
      const { body: envelope, attempt, subscription, attribute } = pushed;
      if (allowed !== null && !allowed.includes(subscription ?? "")) {
        throw forbidden("its subscription is not in subscriptions");
      }
      const signature = producerSignature(attribute);
      // The same message comes again with the same token, and ought to.
      return { body: envelope, attempt, lost: 0, releases: 0, signature, label: null, provenId: null, once: null };
    },
    reply,
  };
}

const AGENT = /^(CloudPubSub-Google|APIs-Google)/;
const SUBSCRIPTION = "x-goog-pubsub-subscription-name";

function isUnwrapped(headers: HeaderFields): boolean {
  return Object.hasOwn(headers, SUBSCRIPTION);
}

/** Attributes are headers here, and no header counts the deliveries. */
function unwrapped(headers: HeaderFields, body: Buffer): Pushed {
  return {
    body: textOf(body),
    attempt: 1,
    subscription: header(headers, SUBSCRIPTION),
    attribute: (name) => header(headers, name),
  };
}

function unwrap(wrapping: Wrapping): Pushed {
  const message = member(wrapping, "message");
  if (!isObject(message)) throw malformed("it has no `message`");
  const attributes = member(message, "attributes");
  return {
    body: textOf(decoded(textIn(message, "data"))),
    attempt: attemptIn(wrapping) ?? attemptIn(message) ?? 1,
    subscription: textIn(wrapping, "subscription"),
    attribute: (name) => (isObject(attributes) ? textIn(attributes, name) : null),
  };
}

/** Only a subscription with a dead-letter topic counts its deliveries, this one included. */
function attemptIn(object: Wrapping): number | null {
  const value = member(object, "deliveryAttempt");
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MOST_COUNTED ? value : null;
}

function decoded(base64: string | null): Buffer {
  const bytes = Buffer.from(base64 ?? "", "base64");
  if (bytes.length > 0 && bytes.toString("base64") === base64) return bytes;
  throw malformed("its `message.data` is not the base64 of anything");
}

/** It knows no way to give up one message: what asked to be forgotten is acknowledged, all else comes again. */
function reply(answer: PushAnswer): PushAnswer {
  return answer.headers["waybill-kept"] === "false" ? { ...answer, status: 200 } : answer;
}
