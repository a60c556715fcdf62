import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReceiver, pubsub, type PubsubOptions } from "../../src/index.ts";
import { ACCOUNT, AUDIENCE, type Changes, jwtClaims, forged, google, type Google, now, serveKeys } from "./google.ts";
import { refuses } from "./refuses.ts";
import { envelope, idOf, type Sent, type Served, serveReceiver, serveRelay } from "./served.ts";

const SUBSCRIPTION = "projects/shop/subscriptions/jobs";
const AGENT = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)";

let issuer: Google;
let token: string;
let served: Served;

const carrier = (more: Partial<PubsubOptions> = {}) =>
  pubsub({
    audience: AUDIENCE,
    serviceAccounts: [ACCOUNT],
    subscriptions: [SUBSCRIPTION],
    jwks: issuer.jwks,
    ackDeadline: "10m",
    ...more,
  });

beforeAll(async () => {
  issuer = await google();
  token = await issuer.token();
  served = await serveReceiver([carrier()]);
});
afterAll(() => served.close());

const base64 = (text: string | Buffer): string => Buffer.from(text).toString("base64");

const headersWith = (bearer: string | null, more: Record<string, string> = {}): Sent["headers"] => ({
  "user-agent": AGENT,
  "content-type": "application/json",
  ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
  ...more,
});

/** A message as Pub/Sub posts it by default. */
function wrapped(data: unknown, changes: Record<string, unknown> = {}, bearer: string | null = token): Sent {
  const message = { data, attributes: {}, messageId: "2070443601311540", publishTime: "2026-11-22T19:13:55.749Z" };
  return { headers: headersWith(bearer), body: JSON.stringify({ message, subscription: SUBSCRIPTION, ...changes }) };
}

/** And as it posts it from a subscription with payload unwrapping and metadata. */
function unwrapped(body: string, more: Record<string, string> = {}, bearer: string | null = token): Sent {
  const metadata = { "x-goog-pubsub-subscription-name": SUBSCRIPTION, "x-goog-pubsub-message-id": "2070443601311540" };
  return { headers: headersWith(bearer, { ...metadata, ...more }), body };
}

describe("a push is refused when", () => {
  const message = () => base64(envelope());
  const by = async (changes: Changes): Promise<Sent> => wrapped(message(), {}, await issuer.token(changes));
  const body = (text: string): Sent => ({ headers: headersWith(token), body: text });
  const other = { subscription: "projects/shop/subscriptions/other" };
  refuses(
    () => served,
    () => [],
    [
      ["it has no token", () => wrapped(message(), {}, null), 403, "FORBIDDEN", /no bearer/],
      ["it has none and is unwrapped", () => unwrapped(envelope(), {}, null), 403, "FORBIDDEN", /no bearer/],
      [
        "its token has alg none",
        () => wrapped(message(), {}, forged({ alg: "none" }, jwtClaims())),
        403,
        "FORBIDDEN",
        /ALG_NOT/,
      ],
      [
        "its token was tampered with",
        () => wrapped(message(), {}, `${token.slice(0, -6)}AAAAAA`),
        403,
        "FORBIDDEN",
        /SIGNATURE/,
      ],
      ["its token expired", () => by({ exp: now() - 60 }), 403, "FORBIDDEN", /EXPIRED/],
      ["its token is for another audience", () => by({ aud: `${AUDIENCE}/` }), 403, "FORBIDDEN", /at "aud"/],
      [
        "its token is a stranger's",
        () => by({ email: "else@else.iam.gserviceaccount.com" }),
        403,
        "FORBIDDEN",
        /serviceAccounts/,
      ],
      ["its token's address is unverified", () => by({ email_verified: false }), 403, "FORBIDDEN", /not verified/],
      ["it is from another subscription", () => wrapped(message(), other), 403, "FORBIDDEN", /subscriptions/],
      [
        "it is from no subscription",
        () => wrapped(message(), { subscription: undefined }),
        403,
        "FORBIDDEN",
        /subscriptions/,
      ],
      [
        "it is unwrapped and from another",
        () => unwrapped(envelope(), { "x-goog-pubsub-subscription-name": "x" }),
        403,
        "FORBIDDEN",
        /subscriptions/,
      ],
      [
        "it is in no known format",
        () => ({ ...wrapped(message()), headers: { authorization: `Bearer ${token}` } }),
        403,
        "FORBIDDEN",
        /no carrier/,
      ],
      ["its wrapping is no JSON", () => body("{"), 400, "CARRIER_INVALID", /no JSON object/],
      ["its wrapping is a list", () => body("[]"), 400, "CARRIER_INVALID", /no JSON object/],
      ["it is an envelope without wrapping", () => body(envelope()), 400, "CARRIER_INVALID", /no `message`/],
      ["it has no message", () => wrapped("", { message: "hello" }), 400, "CARRIER_INVALID", /no `message`/],
      ["its message has no data", () => wrapped(undefined), 400, "CARRIER_INVALID", /base64/],
      ["its message is empty", () => wrapped(""), 400, "CARRIER_INVALID", /base64/],
      ["its data is text", () => wrapped(envelope()), 400, "CARRIER_INVALID", /base64/],
      ["its data is a number", () => wrapped(7), 400, "CARRIER_INVALID", /base64/],
      [
        "its data is not UTF-8",
        () => wrapped(base64(Buffer.from([0xff, 0xfe, 0x41]))),
        400,
        "ENCODING_INVALID",
        /UTF-8/,
      ],
    ],
  );
});

test("a wrapped message runs, with its producer's signature from the attributes, at the attempt Pub/Sub counts", async () => {
  const body = envelope();
  const attributes = { "waybill-signature": "v1,abc=", "waybill-signature-timestamp": "1700000000" };
  const message = { data: base64(body), attributes, messageId: "1" };
  const got = await served.post(wrapped("", { message, deliveryAttempt: 3 }));
  expect(got).toMatchObject({ status: 200, headers: { "x-waybill-job": idOf(body) } });
  const signature = { timestamp: 1_700_000_000, value: "v1,abc=" };
  expect(served.ran.at(-1)).toEqual({ id: idOf(body), attempt: 3, queue: "default", signature });
});

test("so does an unwrapped one, whose attributes are headers and whose deliveries are not counted", async () => {
  const body = envelope();
  const more = {
    "user-agent": "CloudPubSub-Google",
    "waybill-signature": "v1,abc=",
    "waybill-signature-timestamp": "1700000000",
  };
  expect((await served.post(unwrapped(body, more))).status).toBe(200);
  const signature = { timestamp: 1_700_000_000, value: "v1,abc=" };
  expect(served.ran.at(-1)).toEqual({ id: idOf(body), attempt: 1, queue: "default", signature });
});

test.each([
  ["beside the message", { deliveryAttempt: 2 }, 2],
  ["within it", { message: { data: base64(envelope()), deliveryAttempt: 2 } }, 2],
  ["nowhere", {}, 1],
  ["as a text", { deliveryAttempt: "many" }, 1],
  ["as a fraction", { deliveryAttempt: 2.5 }, 1],
])("the delivery attempt is counted %s", async (_where, changes, attempt) => {
  expect((await served.post(wrapped(base64(envelope()), changes))).status).toBe(200);
  expect(served.ran.at(-1)).toMatchObject({ attempt });
});

test("the same message with the same token comes again, and runs again", async () => {
  const sent = wrapped(base64(envelope()));
  for (let n = 0; n < 2; n += 1) expect((await served.post(sent)).status).toBe(200);
});

test("while no slot is free a message waits for one: a 429 would spend a delivery attempt", async () => {
  const own = await serveReceiver([carrier()], { concurrency: 1 });
  const running = own.post(wrapped(base64(envelope("wait"))));
  await expect.poll(() => own.ran.length).toBe(1);
  const waiting = own.post(wrapped(base64(envelope())));
  await expect.poll(() => own.waiting()).toBe(1);
  own.release();
  expect([(await running).status, (await waiting).status]).toEqual([200, 200]);
  await own.close();
});

test("a dead job is kept and acknowledged, a failed one is delivered again", async () => {
  const body = envelope("discard");
  expect((await served.post(wrapped(base64(body)))).status).toBe(200);
  expect(served.kept.at(-1)).toMatchObject({ id: idOf(body), body, code: "DEAD_LETTERED" });
  expect((await served.post(wrapped(base64(envelope("fail"))))).status).toBe(500);
});

test("any subscription may push where none is named, and any of several audiences will do", async () => {
  const audience = ["https://a.example.com", AUDIENCE];
  const own = await serveReceiver([pubsub({ audience, serviceAccounts: [ACCOUNT], jwks: issuer.jwks })]);
  const sent = wrapped(base64(envelope()), { subscription: "projects/p/subscriptions/s" });
  expect((await own.post(sent)).status).toBe(200);
  await own.close();
});

test("keys that cannot be fetched are a 503 with a delay", async () => {
  const keys = await serveKeys(issuer.jwks);
  await keys.close();
  const own = await serveReceiver([carrier({ jwks: keys.url })]);
  expect(await own.post(wrapped(base64(envelope())))).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
  expect(own.ran).toEqual([]);
  await own.close();
});

test("at other paths than its own, pushes of subscriptions reach the application", () => {
  const receiver = createReceiver({ jobs: [], carriers: [carrier()], log: "off", keepDead: async () => {} });
  for (const { headers } of [wrapped(""), unwrapped("")]) {
    expect(receiver.matches({ method: "POST", path: "/work", headers })).toBe(true);
    expect(receiver.matches({ method: "POST", path: "/push/audit", headers })).toBe(false);
  }
});

test("a relay stores messages, once for a message that comes twice, and a worker runs them", async () => {
  const relay = await serveRelay([carrier()]);
  const body = envelope();
  for (const sent of [wrapped(base64(body)), wrapped(base64(body)), unwrapped(body)]) {
    expect((await relay.post(sent)).status).toBe(200);
  }
  expect(await relay.stored()).toBe(1);
  await relay.work();
  expect(relay.ran.map(({ id }) => id)).toEqual([idOf(body)]);
  await relay.close();
});

test.each([
  ["an ack deadline Pub/Sub does not have", { ackDeadline: "11m" as const }, /"10s" to "10m"/],
  ["a list of no subscriptions", { subscriptions: [] }, /subscriptions of pubsub/],
  ["no audience", { audience: [] }, /audience of pubsub/],
  ["a negative line", { maxWaiting: -1 }, /maxWaiting of pubsub/],
])("%s is refused at the start", (_what, wrong, message) => {
  expect(() => carrier(wrong)).toThrow(message);
});

test("a receiver that does not keep its dead letters itself is refused: Pub/Sub would run them until it forgets them", () => {
  expect(() => createReceiver({ jobs: [], carriers: [carrier()], log: "off" })).toThrow(/give keepDead/);
});
