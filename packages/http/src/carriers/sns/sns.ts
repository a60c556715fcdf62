import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { verify } from "node:crypto";
import { type Duration, WaybillError } from "@waybill/core";
import { warn } from "@waybill/core/endpoint";
import type { Carrier } from "../../push/carrier.ts";
import type { InboundDelivery } from "../../push/inbound-delivery.ts";
import { envelopeId } from "../../push/envelope-in-body.ts";
import { forbidden } from "../../push/push-refused.ts";
import { staleTimestamp } from "../../push/stale-timestamp.ts";
import { positiveMs } from "../../options/positive-duration.ts";
import { producerSignature } from "../../push/producer-signature.ts";
import { header } from "../../push/push-request.ts";
import { retryAs503 } from "../retry-as-503.ts";
import { isObject, malformed, member, textIn, type JsonWrapper, wrapperOf } from "../json-wrapper.ts";
import { listOf } from "../oidc.ts";
import { type CertificateFetch, fetchCertificate, signingKeys } from "./certificate.ts";

/** Which messages are accepted, and how subscriptions are confirmed. */
export interface SnsOptions {
  /** ARNs of the topics that may push. SNS signs the messages of every AWS account's topics. */
  readonly topics: readonly string[] | undefined;
  /**
   * How old a message may be, by the `Timestamp` that SNS signs. Default "2h": SNS delivers over HTTP for at most an hour,
   * whatever the delivery policy. A message that was stored is remembered for this time, in this process's memory.
   */
  readonly maxAge?: Duration | undefined;
  /** Accepts signatures of version 1 as well, which use SHA-1. Better: set the topic's `SignatureVersion` to 2. */
  readonly allowSha1?: boolean | undefined;
  /**
   * Called when a topic asks to confirm its subscription. The carrier does not confirm by itself. Default: a warning with
   * the command that confirms.
   */
  readonly onSubscription?: ((asked: SnsSubscription) => void | Promise<void>) | undefined;
  /**
   * Fetches a certificate, for programs that reach AWS by a proxy. Default: `fetch`, 5 s, once for each certificate.
   */
  readonly certificates?: CertificateFetch | undefined;
}

/** A request to confirm a subscription, verified as SNS's and of one of your topics. */
export interface SnsSubscription {
  readonly topic: string;
  /** For `aws sns confirm-subscription`. */
  readonly token: string;
  /** A GET confirms the subscription. */
  readonly url: string;
}

/** How far a message's clock may be ahead. */
const MAX_AHEAD_MS = 300_000;
/** Replay keys are removed in steps of this; SNS writes milliseconds. */
const STEP_MS = 10_000;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const ARN = /^arn:(aws|aws-cn|aws-us-gov|aws-eusc):sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}$/;
const DOMAINS: Readonly<Record<string, string>> = { "aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu" };

const OPTIONS: OptionNames<SnsOptions> = {
  topics: true,
  maxAge: true,
  allowSha1: true,
  onSubscription: true,
  certificates: true,
};

/**
 * Returns the carrier for HTTP subscriptions of Amazon SNS without raw delivery. The message is the envelope. For relays
 * only: it waits 15 seconds. Throws `CONFIG_INVALID` for an option that does not exist or makes no sense.
 */
export function sns(given: SnsOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of sns");
  const { topics, allowSha1 = false, ...options } = given;
  const hosts = new Map(listOf(topics, "the topics of sns").map((topic) => [topic, hostOf(topic)]));
  const { onSubscription = warnOfSubscription, certificates = fetchCertificate } = options;
  const maxAgeMs = positiveMs(options.maxAge ?? "2h", "sns: maxAge");
  const keyAt = signingKeys(certificates);

  async function prove(message: JsonWrapper): Promise<string> {
    const topic = textIn(message, "TopicArn") ?? "";
    const host = hosts.get(topic);
    if (host === undefined) throw forbidden("its topic is not in topics");
    const version = textIn(message, "SignatureVersion");
    if (version !== "2" && !(version === "1" && allowSha1)) throw forbidden("its signature's version is not taken");
    const signed = Buffer.from(signedText(message));
    // Before the certificate is fetched. The signature below covers the time.
    freshUntil(message, maxAgeMs);
    const signature = Buffer.from(textIn(message, "Signature") ?? "", "base64");
    const key = await keyAt(certificateUrl(textIn(message, "SigningCertURL"), host));
    if (!verify(version === "2" ? "sha256" : "sha1", signed, key, signature)) throw forbidden("SNS did not sign this");
    return topic;
  }

  async function confirm(message: JsonWrapper, topic: string): Promise<void> {
    const url = textIn(message, "SubscribeURL") ?? "";
    const token = textIn(message, "Token") ?? "";
    if (!URL.canParse(url) || new URL(url).origin !== `https://${hosts.get(topic)}`) {
      throw forbidden("its SubscribeURL is not at SNS");
    }
    await onSubscription({ topic, token, url });
  }

  return {
    name: "sns",
    waitsForJobs: false,
    maxWaiting: 0,
    ackDeadlineMs: 15_000,
    paths: [],
    // At other paths they are the application's own subscriptions.
    recognises: ({ headers }, here) => here && Object.hasOwn(headers, "x-amz-sns-message-type"),
    checkHeaders({ headers }) {
      if (header(headers, "x-amz-sns-rawdelivery") === "true") {
        throw forbidden("raw delivery is not signed; turn it off on the subscription");
      }
      // `authenticate` checks the signed topic; SNS writes the same one into both.
      const topic = header(headers, "x-amz-sns-topic-arn");
      if (topic !== null && !hosts.has(topic)) throw forbidden("its topic is not in topics");
    },
    async authenticate(_, body) {
      const message = wrapperOf(body);
      const topic = await prove(message);
      const type = textIn(message, "Type");
      if (type === "Notification") return deliveryFrom(message, maxAgeMs);
      if (type === "SubscriptionConfirmation") await confirm(message, topic);
      return null;
    },
    mapResponse: retryAs503,
  };
}

/** Returns until when the message is fresh. Throws 403 `PushRefused` if it is stale or too far ahead. */
function freshUntil(message: JsonWrapper, maxAgeMs: number): number {
  const text = textIn(message, "Timestamp") ?? "";
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw forbidden("its Timestamp is no time");
  const aheadMs = ms - Date.now();
  if (-aheadMs > maxAgeMs) throw staleTimestamp("Timestamp", aheadMs, maxAgeMs, "maxAge");
  if (aheadMs > MAX_AHEAD_MS) throw staleTimestamp("Timestamp", aheadMs, MAX_AHEAD_MS, "the carrier");
  return Math.ceil((ms + maxAgeMs) / STEP_MS) * STEP_MS;
}

function deliveryFrom(message: JsonWrapper, maxAgeMs: number): InboundDelivery {
  const body = textIn(message, "Message") ?? "";
  return {
    body,
    attempt: 1,
    lost: 0,
    releases: 0,
    signature: producerSignature((name) => attribute(message, name)),
    label: null,
    signedId: envelopeId(body),
    // SNS repeats a message, with the same signature, until it gets a 2xx.
    replayProtection: {
      name: textIn(message, "MessageId") ?? "",
      freshUntil: freshUntil(message, maxAgeMs),
      onReplay: "repeat",
    },
  };
}

/** SNS does not sign attributes. The producer's signature is verified by itself. */
function attribute(message: JsonWrapper, name: string): string | null {
  const attributes = member(message, "MessageAttributes");
  const one = isObject(attributes) ? member(attributes, name) : undefined;
  return isObject(one) ? textIn(one, "Value") : null;
}

const NOTIFICATION = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
const SIGNED: Readonly<Record<string, readonly string[]>> = {
  Notification: NOTIFICATION,
  SubscriptionConfirmation: CONFIRMATION,
  UnsubscribeConfirmation: CONFIRMATION,
};

/**
 * Returns the text that SNS signs: names and values, one per line. A newline in a value other than the message could make
 * one member look like two, and SNS sends none, so it is refused.
 */
function signedText(message: JsonWrapper): string {
  const type = textIn(message, "Type") ?? "";
  const names = Object.hasOwn(SIGNED, type) ? SIGNED[type] : undefined;
  if (names === undefined) throw malformed("the message's `Type` is none of SNS's");
  let text = "";
  for (const name of names) {
    const value = textIn(message, name);
    if (value === null && name === "Subject") continue;
    if (value === null || (name !== "Message" && value.includes("\n")))
      throw malformed(`the message's \`${name}\` is missing or has a newline`);
    text += `${name}\n${value}\n`;
  }
  return text;
}

/** Accepts only URLs at the SNS host of the topic's region: a message cannot choose which host is asked. */
function certificateUrl(text: string | null, host: string): string {
  const at = /^https:\/\/([a-z0-9.-]+)\/[A-Za-z0-9._-]{1,200}\.pem$/.exec(text ?? "");
  if (text !== null && at?.[1] === host) return text;
  throw forbidden("its certificate is not at SNS");
}

function hostOf(topic: string): string {
  const [, partition, region] = ARN.exec(topic) ?? [];
  if (partition !== undefined && region !== undefined) return `sns.${region}.${DOMAINS[partition] ?? "amazonaws.com"}`;
  throw new WaybillError("CONFIG_INVALID", `the topics of sns have "${topic}": give "arn:aws:sns:REGION:ACCOUNT:NAME"`);
}

function warnOfSubscription({ topic, token }: SnsSubscription): void {
  warn(
    `${topic} asks to confirm the subscription of this endpoint. If you subscribed it, run ` +
      `aws sns confirm-subscription --topic-arn ${topic} --token ${token}`,
  );
}
