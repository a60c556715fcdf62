import { assertKnownOptions, assertGuardOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { type Duration, WaybillError } from "@waybill/core";
import { durationMs } from "@waybill/core/endpoint";
import type { Carrier } from "../push/carrier.ts";
import { forbidden } from "../push/push-refused.ts";
import { producerSignature } from "../push/producer-signature.ts";
import type { PushResponse } from "../push/push-response.ts";
import { header, type HeaderFields, MAX_COUNT } from "../push/push-request.ts";
import { textOf } from "../push/body-text.ts";
import { isObject, malformed, member, textIn, type JsonWrapper, wrapperOf } from "./json-wrapper.ts";
import { bearerProof, listOf, type OidcOptions } from "./oidc.ts";

/** Which tokens and which subscriptions are accepted. */
export interface PubsubOptions extends OidcOptions {
  /** Full names of the subscriptions that may push: "projects/p/subscriptions/s". Omitted: any with a valid token. */
  readonly subscriptions?: readonly string[] | undefined;
  /** The subscription's ack deadline, 10 s to 10 min: how long Pub/Sub waits for a response. Default "10s", as Pub/Sub's. */
  readonly ackDeadline?: Duration | undefined;
  /** How many requests may wait for a free slot. Each refused one would spend a delivery attempt. Default 50. */
  readonly maxWaiting?: number | undefined;
}

/** A message, in either of the two forms it may have. */
interface PubsubMessage {
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
  maxWaiting: true,
};

/**
 * Returns the carrier for push subscriptions of Google Pub/Sub, wrapped, or unwrapped with metadata. The message's data is
 * the envelope. Throws `CONFIG_INVALID` for an option that does not exist or makes no sense.
 */
export function pubsub(given: PubsubOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of pubsub");
  assertGuardOptions(given, ["subscriptions"], "the options of pubsub");
  const { subscriptions, ackDeadline = "10s", maxWaiting = 50, ...oidc } = given;
  const prove = bearerProof(oidc, "pubsub");
  const allowed = subscriptions === undefined ? null : listOf(subscriptions, "the subscriptions of pubsub");
  const ackDeadlineMs = durationMs(ackDeadline, "ackDeadline");
  if (ackDeadlineMs < 10_000 || ackDeadlineMs > 600_000) {
    throw new WaybillError("CONFIG_INVALID", `ackDeadline is ${ackDeadlineMs} ms: Pub/Sub takes "10s" to "10m"`);
  }
  if (!Number.isSafeInteger(maxWaiting) || maxWaiting < 0) {
    throw new WaybillError("CONFIG_INVALID", `the maxWaiting of pubsub is ${maxWaiting}: 0 or more`);
  }
  return {
    name: "pubsub",
    waitsForJobs: true,
    maxWaiting,
    ackDeadlineMs,
    ackDeadlineSetting: "ackDeadlineSeconds",
    paths: [],
    keepsDeadLetters: false,
    // At other paths they are the application's own subscriptions.
    recognises: ({ headers }, here) =>
      here && (isUnwrapped(headers) || AGENT.test(header(headers, "user-agent") ?? "")),
    checkHeaders: ({ headers }) => prove(headers),
    authenticate({ headers }, body) {
      const message = isUnwrapped(headers) ? unwrappedMessage(headers, body) : wrappedMessage(wrapperOf(body));
      const { body: envelope, attempt, subscription, attribute } = message;
      if (allowed !== null && !allowed.includes(subscription ?? "")) {
        throw forbidden("its subscription is not in subscriptions");
      }
      const signature = producerSignature(attribute);
      const counts = { attempt, lost: 0, releases: 0 };
      // A message that is delivered again has the same token, and must run.
      return { body: envelope, ...counts, signature, label: null, signedId: null, replayProtection: null };
    },
    mapResponse,
  };
}

const AGENT = /^(CloudPubSub-Google|APIs-Google)/;
const SUBSCRIPTION = "x-goog-pubsub-subscription-name";

function isUnwrapped(headers: HeaderFields): boolean {
  return Object.hasOwn(headers, SUBSCRIPTION);
}

/** An unwrapped message has its attributes in headers, and no count of deliveries. */
function unwrappedMessage(headers: HeaderFields, body: Buffer): PubsubMessage {
  return {
    body: textOf(body),
    attempt: 1,
    subscription: header(headers, SUBSCRIPTION),
    attribute: (name) => header(headers, name),
  };
}

function wrappedMessage(wrapper: JsonWrapper): PubsubMessage {
  const message = member(wrapper, "message");
  if (!isObject(message)) throw malformed("the wrapper has no `message`");
  const attributes = member(message, "attributes");
  return {
    body: textOf(decoded(textIn(message, "data"))),
    attempt: attemptIn(wrapper) ?? attemptIn(message) ?? 1,
    subscription: textIn(wrapper, "subscription"),
    attribute: (name) => (isObject(attributes) ? textIn(attributes, name) : null),
  };
}

/** Returns the count of deliveries including this one. Only a subscription with a dead-letter topic has it. */
function attemptIn(object: JsonWrapper): number | null {
  const value = member(object, "deliveryAttempt");
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_COUNT ? value : null;
}

function decoded(base64: string | null): Buffer {
  const bytes = Buffer.from(base64 ?? "", "base64");
  if (bytes.length > 0 && bytes.toString("base64") === base64) return bytes;
  throw malformed("the wrapper's `message.data` is empty or no base64");
}

/** Pub/Sub cannot discard one message, so a job that is not kept is acknowledged. All other failures are delivered again. */
function mapResponse(response: PushResponse): PushResponse {
  return response.headers["waybill-kept"] === "false" ? { ...response, status: 200 } : response;
}
