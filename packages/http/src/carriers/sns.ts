import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { Buffer } from "node:buffer";
import { verify } from "node:crypto";
import { type Duration, WaybillError } from "@waybill/core";
import { warn } from "@waybill/core/door";
import type { Carrier, Parcel } from "../carrier.ts";
import { envelopeId } from "../envelope-in.ts";
import { forbidden } from "../problem.ts";
import { positiveMs } from "../positive-ms.ts";
import { producerSignature } from "../producer-signature.ts";
import { header } from "../push.ts";
import { laterBy503 } from "../respond.ts";
import { isObject, malformed, member, textIn, type Wrapping, wrappingOf } from "../wrapping.ts";
import { listOf } from "./oidc.ts";
import { type CertificateFetch, fetchCertificate, signingKeys } from "./sns-certificate.ts";

/** Whose messages are let in, and who confirms subscriptions. */
export interface SnsOptions {
  /** ARNs of the topics that may push. Anybody has topics that SNS signs for. */
  readonly topics: readonly string[];
  /**
   * How old a message may be, by the `Timestamp` that SNS signs. Default "2h": SNS delivers over HTTP for an hour at the
   * most, whatever the delivery policy. A message that was stored is remembered for as long, in this process's memory.
   */
  readonly maxAge?: Duration;
  /** Takes signatures of version 1 too, which hash by SHA-1. Better: set the topic's `SignatureVersion` to 2. */
  readonly allowSha1?: boolean;
  /**
   * Called when a topic asks whether this endpoint wants its messages; nobody is answered for you. Default: a warning
   * with the command that confirms.
   */
  readonly onSubscription?: (asked: SnsSubscription) => void | Promise<void>;
  /**
   * Fetches a certificate, for programs that reach AWS by a proxy. Default: `fetch`, 5 s, once for each certificate.
   */
  readonly certificates?: CertificateFetch;
}

/** Signed by SNS, and for one of your topics. */
export interface SnsSubscription {
  readonly topic: string;
  /** For `aws sns confirm-subscription`. */
  readonly token: string;
  /** Confirms when it is visited. */
  readonly url: string;
}

/** Clocks differ by this much at the most. */
const MOST_AHEAD_MS = 300_000;
/** SNS writes milliseconds; what is remembered is forgotten in portions of this. */
const PORTION_MS = 10_000;
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
 * HTTP subscriptions of Amazon SNS. Without raw delivery; the message is the envelope. To be relayed: it waits 15
 * seconds. Throws `CONFIG_INVALID` for an option that makes no sense.
 */
export function sns(given: SnsOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of sns");
  const { topics, allowSha1 = false, ...options } = given;
  const hosts = new Map(listOf(topics, "the topics of sns").map((topic) => [topic, hostOf(topic)]));
  const { onSubscription = warnOfSubscription, certificates = fetchCertificate } = options;
  const maxAgeMs = positiveMs(options.maxAge ?? "2h", "sns: maxAge");
  const keyAt = signingKeys(certificates);

  async function prove(message: Wrapping): Promise<string> {
    const topic = textIn(message, "TopicArn") ?? "";
    const host = hosts.get(topic);
    if (host === undefined) throw forbidden("its topic is not in topics");
    const version = textIn(message, "SignatureVersion");
    if (version !== "2" && !(version === "1" && allowSha1)) throw forbidden("its signature's version is not taken");
    const signed = Buffer.from(signedText(message));
    // Before a certificate is asked for; that SNS has signed the time is seen at the end.
    freshUntil(message, maxAgeMs);
    const signature = Buffer.from(textIn(message, "Signature") ?? "", "base64");
    const key = await keyAt(certificateUrl(textIn(message, "SigningCertURL"), host));
    if (!verify(version === "2" ? "sha256" : "sha1", signed, key, signature)) throw forbidden("SNS did not sign this");
    return topic;
  }

  async function ask(message: Wrapping, topic: string): Promise<void> {
    const url = textIn(message, "SubscribeURL") ?? "";
    const token = textIn(message, "Token") ?? "";
    if (!URL.canParse(url) || new URL(url).origin !== `https://${hosts.get(topic)}`) {
      throw forbidden("its SubscribeURL is not at SNS");
    }
    await onSubscription({ topic, token, url });
  }

  return {
    name: "sns",
    runs: false,
    line: 0,
    patienceMs: 15_000,
    paths: [],
    // Elsewhere they are the application's own subscriptions.
    recognises: ({ headers }, here) => here && Object.hasOwn(headers, "x-amz-sns-message-type"),
    admits({ headers }) {
      if (header(headers, "x-amz-sns-rawdelivery") === "true") {
        throw forbidden("raw delivery is not signed; turn it off on the subscription");
      }
      // What is signed is looked at once the body is here; SNS says the same in both.
      const topic = header(headers, "x-amz-sns-topic-arn");
      if (topic !== null && !hosts.has(topic)) throw forbidden("its topic is not in topics");
    },
    async open(_, body) {
      const message = wrappingOf(body);
      const topic = await prove(message);
      const type = textIn(message, "Type");
      if (type === "Notification") return parcelOf(message, maxAgeMs);
      if (type === "SubscriptionConfirmation") await ask(message, topic);
      return null;
    },
    reply: laterBy503,
  };
}

/** Throws `PushRefused` for a message that is too old, or not of this time at all. */
function freshUntil(message: Wrapping, maxAgeMs: number): number {
  const text = textIn(message, "Timestamp") ?? "";
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN;
  const age = Date.now() - ms;
  if (!(age <= maxAgeMs && age >= -MOST_AHEAD_MS)) throw forbidden("its Timestamp is stale");
  return Math.ceil((ms + maxAgeMs) / PORTION_MS) * PORTION_MS;
}

function parcelOf(message: Wrapping, maxAgeMs: number): Parcel {
  const body = textIn(message, "Message") ?? "";
  return {
    body,
    attempt: 1,
    lost: 0,
    releases: 0,
    signature: producerSignature((name) => attribute(message, name)),
    label: null,
    provenId: envelopeId(body),
    // SNS repeats a message, with the same signature, until it is answered well.
    once: {
      name: textIn(message, "MessageId") ?? "",
      freshUntil: freshUntil(message, maxAgeMs),
      again: "answered",
    },
  };
}

/** SNS does not sign these; the producer's signature needs nobody to vouch for it. */
function attribute(message: Wrapping, name: string): string | null {
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
 * What SNS signs: names and values, a line each. A line's end within a value, but for the message's, could move the
 * border between two, and SNS sends none.
 */
function signedText(message: Wrapping): string {
  const type = textIn(message, "Type") ?? "";
  const names = Object.hasOwn(SIGNED, type) ? SIGNED[type] : undefined;
  if (names === undefined) throw malformed("its `Type` is none of SNS's");
  let text = "";
  for (const name of names) {
    const value = textIn(message, name);
    if (value === null && name === "Subject") continue;
    if (value === null || (name !== "Message" && value.includes("\n"))) throw malformed(`its \`${name}\` is no line`);
    text += `${name}\n${value}\n`;
  }
  return text;
}

/** Only from where the topic's region has its certificates: nothing in a message says whom we ask. */
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
    `${topic} asks whether this endpoint wants its messages. If you subscribed it, confirm by ` +
      `aws sns confirm-subscription --topic-arn ${topic} --token ${token}`,
  );
}
