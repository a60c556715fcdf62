import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createReceiver, createRelay, sns, type SnsOptions, type SnsSubscription } from "../../../src/index.ts";
import { fetchCertificate } from "../../../src/carriers/sns/certificate.ts";
import { certificate, type Certified, rsaKey } from "../certificate.ts";
import { refuses } from "../refuses.ts";
import { envelope, idOf, type Sent, serveRelay } from "../served.ts";
import { nowhere } from "../../support/plain-request.ts";

const TOPIC = "arn:aws:sns:eu-west-1:111122223333:jobs";
const HOST = "https://sns.eu-west-1.amazonaws.com";
const CERTIFICATE = `${HOST}/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem`;
const DAY_MS = 86_400_000;

const amazon = certificate();
const { key } = amazon;
const signing = certificate({
  commonName: "signing.example.com",
  alternativeName: "sns-signing.eu-west-1.amazonaws.com",
});
const authority = { ...certificate({ commonName: "CA", isCa: true }), commonName: "CA" };
const issued = certificate({ issuer: authority });
const unknown = { ...certificate({ key, commonName: "Unknown" }), commonName: "Unknown" };
/** The content of each URL; everything is fetched for real, except over the network. */
const pems: Record<string, string | null | Error> = {
  [CERTIFICATE]: amazon.pem,
  [`${HOST}/signing.pem`]: signing.pem,
  [`${HOST}/chain.pem`]: issued.pem + authority.pem,
  [`${HOST}/broken-chain.pem`]: issued.pem + amazon.pem,
  [`${HOST}/no-authority.pem`]: certificate({ key, issuer: unknown }).pem + unknown.pem,
  [`${HOST}/expired.pem`]: certificate({ key, validTo: new Date(Date.now() - DAY_MS / 2) }).pem,
  [`${HOST}/early.pem`]: certificate({ key, validFrom: new Date(Date.now() + DAY_MS / 2) }).pem,
  [`${HOST}/else.pem`]: certificate({ key, commonName: "sns.example.com" }).pem,
  [`${HOST}/weak.pem`]: certificate({ key: rsaKey(1_024) }).pem,
  [`${HOST}/none.pem`]: null,
  [`${HOST}/away.pem`]: new Error("connect ETIMEDOUT"),
  [`${HOST}/proxy.pem`]: "<html>Please log in</html>",
};
const asked: string[] = [];
async function certificates(url: string): Promise<string | null> {
  asked.push(url);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const pem = pems[url] ?? null;
  if (pem instanceof Error) throw pem;
  return pem;
}

const subscriptions: SnsSubscription[] = [];
const carrier = (more: Partial<SnsOptions> = {}) =>
  sns({ topics: [TOPIC], certificates, onSubscription: (one) => void subscriptions.push(one), ...more });

let relay: Awaited<ReturnType<typeof serveRelay>>;
beforeAll(async () => {
  relay = await serveRelay([carrier()]);
});
afterAll(() => relay.close());

const STARTED = Date.now();
const minutesAgo = (minutes: number): string => new Date(STARTED - minutes * 60_000).toISOString();

type Message = Record<string, unknown>;

const SIGNED = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

/** As SNS signs: the sorted members that the type has, each with its name. */
function signed(message: Message, by = key): Message {
  const text = SIGNED.filter((name) => name in message)
    .map((name) => `${name}\n${String(message[name])}\n`)
    .join("");
  const hash = message["SignatureVersion"] === "1" ? "sha1" : "sha256";
  return { ...message, Signature: sign(hash, Buffer.from(text), by).toString("base64") };
}

function notification(body: string, changes: Message = {}, by?: Certified["key"]): Message {
  const common = { Type: "Notification", MessageId: randomUUID(), TopicArn: TOPIC };
  const times = { Timestamp: new Date(STARTED).toISOString(), SignatureVersion: "2", SigningCertURL: CERTIFICATE };
  return signed({ ...common, Message: body, ...times, UnsubscribeURL: `${HOST}/?Action=Unsubscribe`, ...changes }, by);
}

function confirmation(changes: Message = {}): Message {
  const { Signature: _other, UnsubscribeURL: _url, ...common } = notification("You have chosen to subscribe.");
  const url = `${HOST}/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=2336412f37`;
  return signed({ ...common, Type: "SubscriptionConfirmation", Token: "2336412f37", SubscribeURL: url, ...changes });
}

/** A request as SNS makes it. */
function posted(message: Message | string, more: Record<string, string> = {}): Sent {
  const type = typeof message === "string" ? "Notification" : String(message["Type"]);
  const headers = {
    "user-agent": "Amazon Simple Notification Service Agent",
    "content-type": "text/plain; charset=UTF-8",
    "x-amz-sns-message-type": type,
    "x-amz-sns-topic-arn": TOPIC,
    ...more,
  };
  return { headers, body: typeof message === "string" ? message : JSON.stringify(message) };
}

describe("a message is refused when", () => {
  const said = (changes: Message): Sent => posted(notification(envelope(), changes));
  const after = (changes: Message): Sent => posted({ ...notification(envelope()), ...changes });
  const at = (SigningCertURL: string): Sent => after({ SigningCertURL });
  const { publicKey: _ec, privateKey: ec } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const elsewhere = { SubscribeURL: "https://169.254.169.254/latest/meta-data" };
  const NOT_SNS = /not at SNS/;
  refuses(
    () => relay,
    () => [],
    [
      [
        "its topic is a stranger's",
        () => said({ TopicArn: "arn:aws:sns:eu-west-1:999999999999:jobs" }),
        403,
        "FORBIDDEN",
        /topics/,
      ],
      ["it has no topic", () => said({ TopicArn: undefined }), 403, "FORBIDDEN", /topics/],
      ["it is by another key", () => posted(notification(envelope(), {}, rsaKey())), 403, "FORBIDDEN", /did not sign/],
      [
        "it is by a key of another kind",
        () => posted(notification(envelope(), {}, ec)),
        403,
        "FORBIDDEN",
        /did not sign/,
      ],
      [
        "its message was tampered with",
        () => after({ Message: envelope("discard") }),
        403,
        "FORBIDDEN",
        /did not sign/,
      ],
      ["a subject was added to it", () => after({ Subject: "hello" }), 403, "FORBIDDEN", /did not sign/],
      [
        "its time was changed",
        () => after({ Timestamp: new Date(STARTED - 1_000).toISOString() }),
        403,
        "FORBIDDEN",
        /did not sign/,
      ],
      ["its signature is none", () => after({ Signature: "" }), 403, "FORBIDDEN", /did not sign/],
      ["its signature is no text", () => after({ Signature: 7 }), 403, "FORBIDDEN", /did not sign/],
      ["its signature is by SHA-1", () => said({ SignatureVersion: "1" }), 403, "FORBIDDEN", /version/],
      ["its signature's version is unknown", () => after({ SignatureVersion: "3" }), 403, "FORBIDDEN", /version/],
      [
        "it is delivered raw",
        () => posted(envelope(), { "x-amz-sns-rawdelivery": "true" }),
        403,
        "FORBIDDEN",
        /raw delivery/,
      ],
      ["its certificate is not by https", () => at(CERTIFICATE.replace("https", "http")), 403, "FORBIDDEN", NOT_SNS],
      ["its certificate is at another host", () => at("https://sns.example.com/x.pem"), 403, "FORBIDDEN", NOT_SNS],
      ["its certificate's host only begins well", () => at(`${HOST}.example.com/x.pem`), 403, "FORBIDDEN", NOT_SNS],
      ["its certificate's host is a password", () => at(`${HOST}@example.com/x.pem`), 403, "FORBIDDEN", NOT_SNS],
      ["its certificate is at another port", () => at(`${HOST}:8443/x.pem`), 403, "FORBIDDEN", NOT_SNS],
      [
        "its certificate is another region's",
        () => at(CERTIFICATE.replace("eu-west-1", "us-east-1")),
        403,
        "FORBIDDEN",
        NOT_SNS,
      ],
      [
        "its certificate is another service's",
        () => at("https://s3.eu-west-1.amazonaws.com/x.pem"),
        403,
        "FORBIDDEN",
        NOT_SNS,
      ],
      ["its certificate is a query", () => at(`${HOST}/?x.pem`), 403, "FORBIDDEN", NOT_SNS],
      ["its certificate is no .pem", () => at(`${HOST}/x.txt`), 403, "FORBIDDEN", NOT_SNS],
      ["its certificate is somewhere above", () => at(`${HOST}/a/../x.pem`), 403, "FORBIDDEN", NOT_SNS],
      ["its certificate is nowhere", () => after({ SigningCertURL: undefined }), 403, "FORBIDDEN", NOT_SNS],
      ["its certificate does not exist", () => at(`${HOST}/none.pem`), 403, "FORBIDDEN", /no such certificate/],
      ["its certificate expired", () => at(`${HOST}/expired.pem`), 403, "FORBIDDEN", /not valid/],
      ["its certificate is not valid yet", () => at(`${HOST}/early.pem`), 403, "FORBIDDEN", /not valid/],
      ["its certificate is made out to others", () => at(`${HOST}/else.pem`), 403, "FORBIDDEN", /not one of SNS/],
      ["its certificate is weak", () => at(`${HOST}/weak.pem`), 403, "FORBIDDEN", /weak key/],
      [
        "its certificate is by others than it comes with",
        () => at(`${HOST}/broken-chain.pem`),
        403,
        "FORBIDDEN",
        /not signed by/,
      ],
      ["its certificate is by no authority", () => at(`${HOST}/no-authority.pem`), 403, "FORBIDDEN", /not signed by/],
      ["its certificate cannot be fetched now", () => at(`${HOST}/away.pem`), 503, "KEYS_UNAVAILABLE", /ETIMEDOUT/],
      ["what is fetched is no certificate", () => at(`${HOST}/proxy.pem`), 503, "KEYS_UNAVAILABLE", /no PEM/],
      ["it asks to be confirmed elsewhere", () => posted(confirmation(elsewhere)), 403, "FORBIDDEN", /SubscribeURL/],
      [
        "it asks and was tampered with",
        () => posted({ ...confirmation(), Token: "0" }),
        403,
        "FORBIDDEN",
        /did not sign/,
      ],
      ["it is no JSON", () => posted("hello"), 400, "CARRIER_INVALID", /no JSON object/],
      ["its type is unknown", () => said({ Type: "Advertisement" }), 400, "CARRIER_INVALID", /`Type`/],
      ["its type is Object's", () => said({ Type: "constructor" }), 400, "CARRIER_INVALID", /`Type`/],
      ["its time is missing", () => after({ Timestamp: undefined }), 400, "CARRIER_INVALID", /`Timestamp`/],
      [
        "it is three hours old",
        () => said({ Timestamp: minutesAgo(180) }),
        403,
        "FORBIDDEN",
        /stale: .*behind.* maxAge allows/,
      ],
      ["it is of the future", () => said({ Timestamp: minutesAgo(-10) }), 403, "FORBIDDEN", /stale: .* s ahead of/],
      ["its time is none", () => said({ Timestamp: "yesterday" }), 403, "FORBIDDEN", /no time/],
      ["its id is two lines", () => said({ MessageId: "1\nSubject\nhello" }), 400, "CARRIER_INVALID", /`MessageId`/],
    ],
  );

  test("and a certificate is requested from its own region only", () => {
    expect(asked.every((url) => url.startsWith(`${HOST}/`))).toBe(true);
    expect(subscriptions).toEqual([]);
  });
});

test("a notification is stored, once though it comes again, and a worker runs it with its producer's signature", async () => {
  const body = envelope();
  const text = (Value: string) => ({ Type: "String", Value });
  const MessageAttributes = { "waybill-signature": text("v1,abc="), "waybill-signature-timestamp": text("1700000000") };
  const sent = posted({ ...notification(body, { Subject: "job" }), MessageAttributes });
  for (let n = 0; n < 3; n += 1) {
    expect(await relay.post(sent)).toMatchObject({ status: 200, headers: { "waybill-outcome": "completed" } });
  }
  expect(await relay.stored()).toBe(1);
  await relay.work();
  const signature = { timestamp: 1_700_000_000, value: "v1,abc=" };
  expect(relay.ran.at(-1)).toEqual({ id: idOf(body), attempt: 1, queue: "default", signature });
});

test("a message that was stored and run is not stored again while it is fresh; an old one is accepted within maxAge", async () => {
  const own = await serveRelay([carrier({ maxAge: "1d" })]);
  const sent = posted(notification(envelope(), { Timestamp: minutesAgo(600) }));
  for (let time = 0; time < 3; time += 1) {
    expect((await own.post(sent)).status).toBe(200);
    // The store forgets a job once it has run.
    if (time === 0) await own.work();
  }
  expect([own.ran.length, await own.stored()]).toEqual([1, 0]);
  expect(() => carrier({ maxAge: 0 })).toThrow("sns: maxAge");
  await own.close();
});

test.each([
  ["by another of its names", `${HOST}/signing.pem`, signing],
  ["with the one that signed it", `${HOST}/chain.pem`, issued],
])("a certificate may be accepted %s, and is fetched once for any number of messages", async (_how, url, its) => {
  const own = await serveRelay([carrier()]);
  asked.length = 0;
  const sent = [1, 2, 3, 4].map(() => posted(notification(envelope(), { SigningCertURL: url }, its.key)));
  const together = await Promise.all(sent.slice(0, 3).map((one) => own.post(one)));
  expect(together.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await own.post(sent[3] as Sent)).status).toBe(200);
  expect(asked).toEqual([url]);
  await own.close();
});

test("a certificate that could not be fetched is fetched again", async () => {
  const own = await serveRelay([carrier()]);
  const sent = posted(notification(envelope()));
  const { [CERTIFICATE]: pem } = pems;
  pems[CERTIFICATE] = new Error("away");
  expect(await own.post(sent)).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
  expect(await own.stored()).toBe(0);
  pems[CERTIFICATE] = pem ?? null;
  expect((await own.post(sent)).status).toBe(200);
  await own.close();
});

test("few certificates are fetched at a time: forged messages could otherwise cause any number of requests", async () => {
  let open: () => void = () => {};
  const opened = new Promise<null>((resolve) => (open = () => resolve(null)));
  const own = await serveRelay([carrier({ certificates: () => opened })]);
  const statuses: number[] = [];
  const forged = Array.from({ length: 12 }, async (_, n) => {
    const message = { ...notification(envelope()), SigningCertURL: `${HOST}/forged-${n}.pem` };
    statuses.push((await own.post(posted(message))).status);
  });
  await expect.poll(() => statuses).toEqual([503, 503, 503, 503]);
  open();
  await Promise.all(forged);
  expect(statuses.slice(4)).toEqual(Array.from({ length: 8 }, () => 403));
  await own.close();
});

test("signatures by SHA-1 are accepted where that is allowed", async () => {
  const own = await serveRelay([carrier({ allowSha1: true })]);
  for (const SignatureVersion of ["1", "2"]) {
    expect((await own.post(posted(notification(envelope(), { SignatureVersion })))).status).toBe(200);
  }
  await own.close();
});

test("a subscription is confirmed by a person, and after a 200 SNS does not ask again", async () => {
  expect(await relay.post(posted(confirmation()))).toMatchObject({ status: 200, body: "" });
  const url = `${HOST}/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=2336412f37`;
  expect(subscriptions.splice(0)).toEqual([{ topic: TOPIC, token: "2336412f37", url }]);
  expect((await relay.post(posted(confirmation({ Type: "UnsubscribeConfirmation" })))).status).toBe(200);
  expect(subscriptions).toEqual([]);
  expect(relay.refused.filter(({ status }) => status === 200)).toEqual([]);
});

test("without a callback a warning says how to confirm, and no URL is fetched", async () => {
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const visited = vi.spyOn(globalThis, "fetch");
  const own = await serveRelay([sns({ topics: [TOPIC], certificates })]);
  expect((await own.post(posted(confirmation()))).status).toBe(200);
  expect(warned.mock.calls.at(-1)?.[0]).toContain(
    `aws sns confirm-subscription --topic-arn ${TOPIC} --token 2336412f37`,
  );
  expect(visited).not.toHaveBeenCalled();
  vi.restoreAllMocks();
  await own.close();
});

test("a callback that fails lets the topic ask again", async () => {
  const own = await serveRelay([carrier({ onSubscription: () => Promise.reject(new Error("no")) })]);
  expect((await own.post(posted(confirmation()))).status).toBe(500);
  await own.close();
});

test("certificates are fetched without following redirects, and a missing one is not an unavailable server", async () => {
  const server = createServer((request, response) => {
    const status = Number(request.url?.slice(1, 4));
    response.writeHead(status, { location: "/200.pem" }).end(status === 200 ? amazon.pem : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const at = (status: number) => fetchCertificate(`http://127.0.0.1:${port}/${status}.pem`);
  expect(await at(200)).toBe(amazon.pem);
  expect([await at(403), await at(404)]).toEqual([null, null]);
  await expect(at(500)).rejects.toThrow(/answered 500/);
  await expect(at(302)).rejects.toThrow();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(at(200)).rejects.toThrow();
});

test("an incomplete body is a 503 and may come again: after a 4xx it would be lost", async () => {
  expect((await relay.postHalf(posted(notification(envelope())))).status).toBe(503);
  expect(carrier().mapResponse?.({ status: 429, headers: {}, body: "" })).toMatchObject({ status: 503 });
});

test("at other paths than its own, messages of subscriptions reach the application", () => {
  const endpoint = createRelay({ to: nowhere(), carriers: [carrier()] });
  const { headers } = posted("");
  expect(endpoint.matches({ method: "POST", path: "/work", headers })).toBe(true);
  expect(endpoint.matches({ method: "POST", path: "/bounces", headers })).toBe(false);
});

test("it is for relays, and for topics that can push", () => {
  expect(() => createReceiver({ jobs: [], carriers: [carrier()], log: "off" })).toThrow(/createRelay/);
  for (const topics of [[], ["jobs"], ["arn:aws:sqs:eu-west-1:111122223333:jobs"], [`${TOPIC}.fifo`], [TOPIC, "*"]]) {
    expect(() => carrier({ topics })).toThrow(/topics of sns/);
  }
  for (const partition of ["aws-cn", "aws-us-gov", "aws-eusc"]) carrier({ topics: [TOPIC.replace("aws", partition)] });
});
