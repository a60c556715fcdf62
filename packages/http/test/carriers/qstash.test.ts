import { createHash } from "node:crypto";
import { type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReceiver, qstash } from "../../src/index.ts";
import { type Changes, forged, google, now } from "./google.ts";
import { refuses } from "./refuses.ts";
import { envelope, idOf, type Sent, type Served, serveReceiver, serveRelay } from "./served.ts";

const CURRENT = "sig_7Rk9vXq2mT4bYw8LpZc3NdGh";
const NEXT = "sig_2Hs6jQe0uP5fVa1KxMo8RtWy";
const PUBLISHED_TO = "https://jobs.example.com/work";

const carrier = () => qstash({ currentKey: CURRENT, nextKey: NEXT, url: PUBLISHED_TO });

let served: Served;
beforeAll(async () => {
  served = await serveReceiver([carrier()], { concurrency: 1 });
});
afterAll(() => served.close());

const hashOf = (body: string): string => createHash("sha256").update(body).digest("base64url");

function payloadOf(body: string, changes: Changes = {}): JWTPayload {
  const common = {
    iss: "Upstash",
    sub: PUBLISHED_TO,
    jti: "jwt_67kxXD6UBAk7DqU6hzuHMDdXFXfP",
    body: `${hashOf(body)}=`,
  };
  return { ...common, iat: now(), nbf: now(), exp: now() + 300, ...changes };
}

const sign = (payload: JWTPayload, key: string, alg = "HS256"): Promise<string> =>
  new SignJWT(payload).setProtectedHeader({ alg, typ: "JWT" }).sign(new TextEncoder().encode(key));

/** A message as QStash posts it. */
function message(token: string | null, body = envelope(), more: Record<string, string> = {}): Sent {
  return {
    body,
    headers: {
      "user-agent": "Upstash-QStash",
      "content-type": "application/json",
      "upstash-message-id": "msg_26hZCxZCuWyyTWPmSVBrNB882AMR",
      "upstash-retried": "0",
      ...(token !== null && { "upstash-signature": token }),
      ...more,
    },
  };
}

async function signed(changes: Changes = {}, key = CURRENT, body = envelope(), more = {}): Promise<Sent> {
  return message(await sign(payloadOf(body, changes), key), body, more);
}

describe("a message is refused when its token", () => {
  const body = envelope();
  refuses(
    () => served,
    () => [CURRENT, NEXT],
    [
      ["is missing", () => message(null), 403, "FORBIDDEN", /no carrier/],
      ["is empty", () => message(""), 403, "FORBIDDEN", /ERR_JW[ST]_INVALID/],
      ["is no token", () => message("eyJhbGciOi"), 403, "FORBIDDEN", /ERR_JW[ST]_INVALID/],
      [
        "has alg none",
        () => message(forged({ alg: "none" }, payloadOf(body)), body),
        403,
        "FORBIDDEN",
        /ALG_NOT_ALLOWED/,
      ],
      [
        "is by another algorithm",
        async () => message(await sign(payloadOf(body), CURRENT.repeat(3), "HS512"), body),
        403,
        "FORBIDDEN",
        /ALG_NOT/,
      ],
      [
        "is a token of Google",
        async () => message(await (await google()).token(payloadOf(body)), body),
        403,
        "FORBIDDEN",
        /ALG_NOT_ALLOWED/,
      ],
      ["is by neither key", () => signed({}, "sig_0000000000000000000000000000"), 403, "FORBIDDEN", /SIGNATURE/],
      ["expired", () => signed({ exp: now() - 60 }), 403, "FORBIDDEN", /EXPIRED/],
      ["never expires", () => signed({ exp: undefined }), 403, "FORBIDDEN", /at "exp"/],
      ["is not valid yet", () => signed({ nbf: now() + 60 }), 403, "FORBIDDEN", /at "nbf"/],
      ["is by another issuer", () => signed({ iss: "Downstash" }), 403, "FORBIDDEN", /at "iss"/],
      ["is for another url", () => signed({ sub: `${PUBLISHED_TO}/` }), 403, "FORBIDDEN", /another url/],
      ["is for any url", () => signed({ sub: undefined }), 403, "FORBIDDEN", /at "sub"/],
      ["is for another body", () => signed({ body: hashOf("{}") }), 403, "FORBIDDEN", /another body/],
      [
        "is for half the body's hash",
        () => signed({ body: hashOf(body).slice(0, 20) }, CURRENT, body),
        403,
        "FORBIDDEN",
        /another body/,
      ],
      ["is for any body", () => signed({ body: undefined }), 403, "FORBIDDEN", /at "body"/],
      ["has no text for a hash", () => signed({ body: 7 }), 403, "FORBIDDEN", /another body/],
      [
        "was for the body before it was tampered with",
        async () => ({ ...(await signed({}, CURRENT, body)), body: body.replace("succeed", "discard") }),
        403,
        "FORBIDDEN",
        /another body/,
      ],
    ],
  );
});

test.each([
  ["the current key", CURRENT, {}],
  ["the next key, once they are rotated", NEXT, {}],
  ["a hash without padding", CURRENT, (body: string) => ({ body: hashOf(body) })],
  ["a token that expired within the leeway", CURRENT, { exp: now() - 10 }],
])("a message runs by %s", async (_by, key, changes) => {
  const body = envelope();
  const got = await served.post(await signed(typeof changes === "function" ? changes(body) : changes, key, body));
  expect(got).toMatchObject({ status: 200, headers: { "x-waybill-job": idOf(body) } });
  expect(served.ran.at(-1)).toEqual({ id: idOf(body), attempt: 1, queue: "default", signature: null });
});

test("retries are attempts, and a job without attempts left goes to QStash's dead letters at once", async () => {
  const body = envelope("fail");
  const own = await serveReceiver([carrier()], { keepDead: null });
  const got = [];
  for (const retried of ["0", "1", "2"])
    got.push(await own.post(await signed({}, CURRENT, body, { "upstash-retried": retried })));
  expect(got.map(({ status }) => status)).toEqual([500, 500, 489]);
  expect(Number(got[0]?.headers["retry-after"])).toBeGreaterThan(0);
  expect(got[2]?.headers).toMatchObject({
    "upstash-nonretryable-error": "true",
    "waybill-reason": "ATTEMPTS_EXHAUSTED",
  });
  expect(own.ran.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  const forgotten = envelope("fail", { retry: { max_attempts: 1, on_exhaustion: "discard" } });
  expect((await own.post(await signed({}, CURRENT, forgotten))).status).toBe(200);
  await own.close();
});

test("while no slot is free a message waits for one: a 429 would spend one of its retries", async () => {
  const before = served.ran.length;
  const running = served.post(await signed({}, CURRENT, envelope("wait")));
  await expect.poll(() => served.ran.length).toBe(before + 1);
  const waiting = served.post(await signed());
  await expect.poll(() => served.waiting()).toBe(1);
  served.release();
  expect([(await running).status, (await waiting).status]).toEqual([200, 200]);
});

test("a body that a parser serialized again is accepted, if its bytes are those that were signed", async () => {
  const receiver = createReceiver({ jobs: [], carriers: [carrier()], log: "off" });
  const body = envelope();
  const { headers } = await signed({}, CURRENT, body);
  const push = { method: "POST", path: "/work", headers, peer: null, rewritten: true, onDisconnect: () => {} };
  const receive = (text: string) => receiver.receive({ ...push, read: async () => Buffer.from(text) });
  // The job's type is unknown here, so it is released; its sender is verified.
  expect(await receive(body)).toMatchObject({ status: 429, headers: { "x-waybill-job": idOf(body) } });
  expect((await receive(` ${body}`)).status).toBe(403);
});

test("at other paths than its own, messages reach the application", () => {
  const receiver = createReceiver({ jobs: [], carriers: [carrier()], log: "off" });
  const { headers } = message("token");
  expect(receiver.matches({ method: "POST", path: "/work", headers })).toBe(true);
  expect(receiver.matches({ method: "POST", path: "/api/digest", headers })).toBe(false);
});

test("a relay stores messages, and a worker runs them", async () => {
  const relay = await serveRelay([carrier()]);
  const body = envelope();
  const more = { "waybill-signature": "v1,abc=", "waybill-signature-timestamp": "1700000000" };
  for (const retried of ["0", "1"]) {
    expect((await relay.post(await signed({}, CURRENT, body, { ...more, "upstash-retried": retried }))).status).toBe(
      200,
    );
  }
  expect(await relay.stored()).toBe(1);
  await relay.work();
  expect(relay.ran).toMatchObject([{ id: idOf(body), signature: { timestamp: 1_700_000_000, value: "v1,abc=" } }]);
  await relay.close();
});

test.each([
  ["no current key", { currentKey: "" }, /currentKey of qstash/],
  ["no next key", { nextKey: undefined as never }, /nextKey of qstash/],
  ["no url", { url: [] }, /url of qstash/],
  ["half a url", { url: "/work" }, /no absolute URL/],
  ["a fraction as the number that may wait", { maxWaiting: 1.5 }, /maxWaiting of qstash/],
])("%s is refused at the start, and no key is shown", (_what, wrong, why) => {
  const making = () => qstash({ currentKey: CURRENT, nextKey: NEXT, url: PUBLISHED_TO, ...wrong });
  expect(making).toThrow(why);
  expect(making).not.toThrow(CURRENT);
});

test("the ack deadline of QStash is the option of its carrier, since no message has it", () => {
  expect(carrier().ackDeadlineMs).toBe(Infinity);
  const withTimeout = qstash({ currentKey: CURRENT, nextKey: NEXT, url: PUBLISHED_TO, timeout: "90s" });
  expect(withTimeout).toMatchObject({ ackDeadlineMs: 90_000, ackDeadlineSetting: "Upstash-Timeout" });
});
