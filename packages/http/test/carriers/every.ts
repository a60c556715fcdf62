import { createHash, randomUUID, sign } from "node:crypto";
import type { JSONWebKeySet } from "jose";
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { keyRing, newSecret } from "@waybill/core";
import { signatureFor } from "@waybill/core/endpoint";
import { cloudTasks, eventBridge, pubsub, qstash, sns, sqsd } from "../../src/index.ts";
import type { Carrier } from "../../src/exports/carrier.ts";
import { certificate } from "./certificate.ts";
import { ACCOUNT, AUDIENCE, jwtClaims, now } from "./google.ts";
import { idOf, type Sent } from "./served.ts";

const TOPIC = "arn:aws:sns:eu-west-1:111122223333:jobs";
const CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";
const API_KEY = "k-8d1f7c2ab94e4c0e9b7a";
const QSTASH_KEY = "sig_7Rk9vXq2mT4bYw8LpZc3NdGh";

/** The keys that each carrier signs with, as plain JSON that can be passed to a process. */
export interface Secrets {
  /** Of our own sender, and of producers. */
  readonly keys: string;
  readonly google: { readonly jwks: JSONWebKeySet; readonly privateKey: JWK };
  readonly amazon: { readonly pem: string; readonly key: string };
}

export async function newSecrets(): Promise<Secrets> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "RS256", use: "sig" };
  const { pem, key } = certificate();
  return {
    keys: newSecret(),
    google: { jwks: { keys: [jwk] }, privateKey: await exportJWK(privateKey) },
    amazon: { pem, key: key.export({ type: "pkcs8", format: "pem" }).toString() },
  };
}

/** Those whose jobs a receiver may run. `keys` beside them is our own sender's. */
export function receiverCarriers({ keys, google: { jwks } }: Secrets): Carrier[] {
  const google = { audience: AUDIENCE, serviceAccounts: [ACCOUNT], jwks };
  return [
    sqsd({ keys, httpConnections: 10 }),
    cloudTasks(google),
    pubsub({ ...google, ackDeadline: "10m" }),
    qstash({ currentKey: QSTASH_KEY, nextKey: QSTASH_KEY, url: AUDIENCE }),
  ];
}

/** Those whose jobs can only be stored. */
export function relayCarriers({ amazon: { pem } }: Secrets): Carrier[] {
  return [eventBridge({ keys: API_KEY }), sns({ topics: [TOPIC], certificates: async () => pem })];
}

const JSON_TYPE = { "content-type": "application/json" };

/** For each carrier, its request for this envelope: to "/work" those that run, to "/relay" those that are stored, to "/jobs" an ingress's. */
export function requestsOf(secrets: Secrets): Readonly<Record<string, (envelope: string) => Promise<Sent>>> {
  const ring = keyRing(secrets.keys);
  const signed = (body: string, by = ring): Record<string, string> => {
    const { timestamp, value } = signatureFor(by, idOf(body), body);
    return { "webhook-id": idOf(body), "webhook-timestamp": String(timestamp), "webhook-signature": value };
  };
  const bearer = async (): Promise<Record<string, string>> => {
    const key = await importJWK(secrets.google.privateKey, "RS256");
    const token = await new SignJWT(jwtClaims()).setProtectedHeader({ alg: "RS256", typ: "JWT", kid: "k1" }).sign(key);
    return { authorization: `Bearer ${token}` };
  };
  return {
    "our own sender": async (body) => ({ body, headers: { ...JSON_TYPE, ...signed(body, ring.requests) } }),
    "Elastic Beanstalk's daemon": async (body) => {
      const { "webhook-id": _, ...attributes } = signed(body);
      const named = Object.entries(attributes).map(([name, value]) => [`x-aws-sqsd-attr-${name}`, value]);
      const marks = { "user-agent": "aws-sqsd/3.0.4", "x-aws-sqsd-msgid": "m", "x-aws-sqsd-receive-count": "1" };
      return { body, headers: { ...JSON_TYPE, ...marks, ...Object.fromEntries(named) } };
    },
    "Cloud Tasks": async (body) => ({
      body,
      headers: {
        ...JSON_TYPE,
        "user-agent": "Google-Cloud-Tasks",
        "x-cloudtasks-queuename": "mailers",
        "x-cloudtasks-taskname": "85770091340881016951",
        "x-cloudtasks-taskretrycount": "0",
        "x-cloudtasks-taskexecutioncount": "0",
        ...(await bearer()),
      },
    }),
    "Pub/Sub": async (body) => {
      const data = Buffer.from(body).toString("base64");
      const message = { data, attributes: {}, messageId: "2070443601311540", publishTime: "2026-11-22T19:13:55.749Z" };
      const wrapped = JSON.stringify({ message, subscription: "projects/shop/subscriptions/jobs" }, null, 2);
      return { body: wrapped, headers: { ...JSON_TYPE, "user-agent": "APIs-Google", ...(await bearer()) } };
    },
    "Pub/Sub, unwrapped": async (body) => ({
      body,
      headers: {
        "content-type": "text/plain",
        "user-agent": "APIs-Google",
        "x-goog-pubsub-subscription-name": "projects/shop/subscriptions/jobs",
        "x-goog-pubsub-message-id": "2070443601311540",
        ...(await bearer()),
      },
    }),
    QStash: async (body) => {
      const hash = createHash("sha256").update(body).digest("base64url");
      const times = { iat: now(), nbf: now(), exp: now() + 300 };
      const token = await new SignJWT({ iss: "Upstash", sub: AUDIENCE, jti: randomUUID(), body: `${hash}=`, ...times })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .sign(new TextEncoder().encode(QSTASH_KEY));
      const marks = { "user-agent": "Upstash-QStash", "upstash-message-id": "msg_26", "upstash-retried": "0" };
      return { body, headers: { ...JSON_TYPE, ...marks, "upstash-signature": token } };
    },
    EventBridge: async (body) => ({
      path: "/relay",
      body,
      headers: { ...JSON_TYPE, "user-agent": "Amazon/EventBridge/ApiDestinations", "x-api-key": API_KEY },
    }),
    SNS: async (body) => {
      const common = { Message: body, MessageId: randomUUID(), Timestamp: new Date().toISOString() };
      const message = { ...common, TopicArn: TOPIC, Type: "Notification" };
      const text = Object.entries(message).map(([name, value]) => `${name}\n${value}\n`);
      const Signature = sign("sha256", Buffer.from(text.join("")), secrets.amazon.key).toString("base64");
      const marks = { "x-amz-sns-message-type": "Notification", "x-amz-sns-topic-arn": TOPIC };
      return {
        path: "/relay",
        body: JSON.stringify({ ...message, Signature, SignatureVersion: "2", SigningCertURL: CERTIFICATE }, null, 2),
        headers: { "content-type": "text/plain; charset=UTF-8", ...marks },
      };
    },
    "a producer, at an ingress": async (body) => ({ path: "/jobs", body, headers: { ...JSON_TYPE, ...signed(body) } }),
  };
}
