import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { cloudTasks, createReceiver } from "../../src/index.ts";
import { ACCOUNT, AUDIENCE, type Changes, jwtClaims, forged, google, type Google, now, serveKeys } from "./google.ts";
import { refuses } from "./refuses.ts";
import { envelope, idOf, type Sent, type Served, serveReceiver, serveRelay } from "./served.ts";

let issuer: Google;
let stranger: Google;
let served: Served;

beforeAll(async () => {
  [issuer, stranger] = await Promise.all([google(), google()]);
  served = await serveReceiver([carrier()], { concurrency: 1 });
});
afterAll(() => served.close());

const carrier = (jwks: Parameters<typeof cloudTasks>[0]["jwks"] = issuer.jwks) =>
  cloudTasks({ audience: AUDIENCE, serviceAccounts: [ACCOUNT], jwks });

/** A task as Cloud Tasks posts it. */
function task(token: string | null, body = envelope(), more: Record<string, string> = {}): Sent {
  return {
    body,
    headers: {
      "user-agent": "Google-Cloud-Tasks",
      "content-type": "application/octet-stream",
      "x-cloudtasks-queuename": "mailers",
      "x-cloudtasks-taskname": "85770091340881016951",
      "x-cloudtasks-taskretrycount": "0",
      "x-cloudtasks-taskexecutioncount": "0",
      "x-cloudtasks-tasketa": "1602727873.950779",
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...more,
    },
  };
}

const signed = async (changes: Changes = {}, kid = "k1"): Promise<Sent> => task(await issuer.token(changes, { kid }));

describe("a task is refused when its token", () => {
  /** A common forgery: the public key as the secret of an HMAC. */
  const confused = (): string => {
    const unsigned = forged({ alg: "HS256", kid: "k1" }, jwtClaims()).slice(0, -1);
    const secret = JSON.stringify(issuer.jwks.keys[0]);
    return `${unsigned}.${createHmac("sha256", secret).update(unsigned).digest("base64url")}`;
  };
  const tampered = async (): Promise<string> => {
    const [header, , signature] = (await issuer.token()).split(".");
    return `${header}.${Buffer.from(JSON.stringify(jwtClaims({ sub: "2" }))).toString("base64url")}.${signature}`;
  };
  const stripped = (): string => forged({ alg: "RS256", kid: "k1" }, jwtClaims(), "SIGNATURE_REMOVED_BY_GOOGLE");
  refuses(
    () => served,
    () => [],
    [
      ["is missing", () => task(null), 403, "FORBIDDEN", /no bearer token/],
      [
        "is a password",
        () => task(null, envelope(), { authorization: "Basic dXNlcjpwYXNz" }),
        403,
        "FORBIDDEN",
        /no bearer/,
      ],
      ["is no token", () => task("not.a-token"), 403, "FORBIDDEN", /ERR_JW[ST]_INVALID/],
      ["has alg none", () => task(forged({ alg: "none" }, jwtClaims())), 403, "FORBIDDEN", /ALG_NOT_ALLOWED/],
      ["is an HMAC by the public key", () => task(confused()), 403, "FORBIDDEN", /ALG_NOT_ALLOWED/],
      ["is by another key of the same name", async () => task(await stranger.token()), 403, "FORBIDDEN", /SIGNATURE/],
      ["is by a key of no known name", () => signed({}, "k9"), 403, "FORBIDDEN", /NO_MATCHING_KEY/],
      ["was changed after it was signed", async () => task(await tampered()), 403, "FORBIDDEN", /SIGNATURE/],
      ["lost its signature to Cloud Run", () => task(stripped()), 403, "FORBIDDEN", /Cloud Run removed the signature/],
      [
        "expired",
        () => signed({ exp: now() - 60 }),
        403,
        "FORBIDDEN",
        /ERR_JWT_EXPIRED.* s behind this machine's clock, and the carrier allows 30 s/,
      ],
      ["never expires", () => signed({ exp: undefined }), 403, "FORBIDDEN", /at "exp"/],
      [
        "is not valid yet",
        () => signed({ nbf: now() + 600 }),
        403,
        "FORBIDDEN",
        /at "nbf", which is \d+ s ahead of this machine's clock/,
      ],
      ["is for another audience", () => signed({ aud: "https://else.example.com" }), 403, "FORBIDDEN", /at "aud"/],
      ["has no audience", () => signed({ aud: undefined }), 403, "FORBIDDEN", /at "aud"/],
      ["is by another issuer", () => signed({ iss: "https://issuer.example.com" }), 403, "FORBIDDEN", /at "iss"/],
      [
        "is a stranger's",
        () => signed({ email: "else@project.iam.gserviceaccount.com" }),
        403,
        "FORBIDDEN",
        /not in serviceA/,
      ],
      ["has no address", () => signed({ email: undefined }), 403, "FORBIDDEN", /at "email"/],
      ["has an unverified address", () => signed({ email_verified: false }), 403, "FORBIDDEN", /not verified/],
      [
        "has an address said to be verified",
        () => signed({ email_verified: "true" }),
        403,
        "FORBIDDEN",
        /not verified/,
      ],
    ],
  );
});

test("a task runs, under the queue that Cloud Tasks calls by its name, with its producer's signature", async () => {
  const body = envelope();
  const more = { "waybill-signature": "v1,abc=", "waybill-signature-timestamp": "1700000000" };
  const got = await served.post(task(await issuer.token(), body, more));
  expect(got).toMatchObject({ status: 200, headers: { "x-waybill-job": idOf(body), "waybill-outcome": "completed" } });
  const signature = { timestamp: 1_700_000_000, value: "v1,abc=" };
  expect(served.ran.at(-1)).toEqual({ id: idOf(body), attempt: 1, queue: "mailers", signature });
});

test("the same token brings the same task again, and other tasks, until it expires", async () => {
  const token = await issuer.token({ iss: "accounts.google.com", exp: now() - 5, aud: AUDIENCE });
  const body = envelope();
  for (const sent of [task(token, body), task(token, body), task(token)]) {
    expect((await served.post(sent)).status).toBe(200);
  }
});

test("a failed attempt is a 4xx and every other retry a 503: only a 4xx raises the count of executions", async () => {
  const token = await issuer.token();
  const failed = await served.post(task(token, envelope("fail")));
  expect(failed).toMatchObject({ status: 424, headers: { "waybill-outcome": "retry" } });
  const later = await served.post(task(token, envelope("later")));
  expect(later).toMatchObject({ status: 503, headers: { "waybill-outcome": "release", "retry-after": "2" } });
  const before = served.ran.length;
  const running = served.post(task(token, envelope("wait")));
  await expect.poll(() => served.ran.length).toBe(before + 1);
  const full = await served.post(task(token));
  expect(full).toMatchObject({ status: 503, headers: { "waybill-outcome": "release", "retry-after": "1" } });
  served.release();
  expect((await running).status).toBe(200);
});

test("executions are attempts and retries are not: after the last attempt the job is kept and its task is deleted", async () => {
  const body = envelope("fail");
  const statuses: number[] = [];
  for (const executions of ["0", "1", "2"]) {
    const counts = { "x-cloudtasks-taskexecutioncount": executions, "x-cloudtasks-taskretrycount": "25" };
    statuses.push((await served.post(task(await issuer.token(), body, counts))).status);
  }
  expect(statuses).toEqual([424, 424, 200]);
  expect(served.ran.slice(-3).map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(served.kept.at(-1)).toMatchObject({ id: idOf(body), body, code: "ATTEMPTS_EXHAUSTED" });
});

test("a task whose body is no envelope is kept and deleted", async () => {
  const got = await served.post(task(await issuer.token(), "buy milk"));
  expect(got).toMatchObject({ status: 200, headers: { "waybill-outcome": "dead" } });
  expect(served.kept.at(-1)).toMatchObject({ id: null, body: "buy milk" });
});

test("a body that a parser serialized again is refused: the token does not cover it", async () => {
  const receiver = createReceiver({ jobs: [], carriers: [carrier()], log: "off", keepDead: async () => {} });
  const { headers, body } = await signed();
  const push = { method: "POST", path: "/work", headers, peer: null, rewritten: true, onDisconnect: () => {} };
  const got = await receiver.receive({ ...push, read: async () => Buffer.from(body) });
  expect(got.status).toBe(500);
  expect(JSON.parse(got.body)).toMatchObject({ code: "BODY_GONE" });
});

test("at other paths than its own, tasks reach the application", () => {
  const receiver = createReceiver({ jobs: [], carriers: [carrier()], log: "off", keepDead: async () => {} });
  const { headers } = task(null);
  expect(receiver.matches({ method: "POST", path: "/work", headers })).toBe(true);
  expect(receiver.matches({ method: "POST", path: "/tasks/report", headers })).toBe(false);
});

test("a relay stores tasks, and a worker runs them", async () => {
  const relay = await serveRelay([carrier()]);
  const body = envelope();
  expect(await relay.post(task(await issuer.token(), body))).toMatchObject({
    status: 200,
    headers: { "x-waybill-job": idOf(body) },
  });
  expect((await relay.post(task(await stranger.token()))).status).toBe(403);
  // No attempt, so no 4xx.
  expect((await relay.postHalf(task(await issuer.token()))).status).toBe(503);
  expect(await relay.stored()).toBe(1);
  await relay.work();
  expect(relay.ran.map(({ id }) => id)).toEqual([idOf(body)]);
  await relay.close();
});

describe("keys that are fetched", () => {
  test("are fetched when a token comes and not before, once, and again when a token names a new one", async () => {
    const next = await google("k2");
    const keys = await serveKeys(issuer.jwks);
    const endpoint = await serveReceiver([carrier(keys.url)]);
    expect(keys.state.asked).toBe(0);
    for (let n = 0; n < 3; n += 1) expect((await endpoint.post(await signed())).status).toBe(200);
    expect(keys.state.asked).toBe(1);
    keys.state.jwks = { keys: [...issuer.jwks.keys, ...next.jwks.keys] };
    // Not at once: tokens with unknown keys must not cause a request each.
    expect((await endpoint.post(task(await next.token()))).status).toBe(403);
    expect(keys.state.asked).toBe(1);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 31_000 });
    expect((await endpoint.post(task(await next.token()))).status).toBe(200);
    expect(keys.state.asked).toBe(2);
    vi.useRealTimers();
    await endpoint.close();
    await keys.close();
  });

  test("and cannot be fetched are a 503 with a delay, never a 403 and never a run", async () => {
    const keys = await serveKeys(issuer.jwks);
    const endpoint = await serveReceiver([carrier(new URL(keys.url))]);
    keys.state.status = 500;
    const down = await endpoint.post(await signed());
    expect(down).toMatchObject({ status: 503, headers: { "retry-after": "5", "waybill-outcome": "release" } });
    expect(JSON.parse(down.body)).toMatchObject({ code: "KEYS_UNAVAILABLE" });
    keys.state.status = 200;
    keys.state.jwks = "no keys at all";
    expect((await endpoint.post(await signed())).status).toBe(503);
    expect(endpoint.ran).toEqual([]);
    keys.state.jwks = issuer.jwks;
    expect((await endpoint.post(await signed())).status).toBe(200);
    // They are cached, so the server may be down now.
    await keys.close();
    expect((await endpoint.post(await signed())).status).toBe(200);
    await endpoint.close();
  });

  test("from a server that is down are a 503, and a 403 for a request without a valid token", async () => {
    const keys = await serveKeys(issuer.jwks);
    await keys.close();
    const endpoint = await serveReceiver([carrier(keys.url)]);
    expect((await endpoint.post(await signed())).status).toBe(503);
    expect((await endpoint.post(task(null))).status).toBe(403);
    expect((await endpoint.post(task(forged({ alg: "none" }, jwtClaims())))).status).toBe(403);
    await endpoint.close();
  });

  test("may come by a function", async () => {
    const [jwk] = issuer.jwks.keys;
    const endpoint = await serveReceiver([carrier(() => jwk as object)]);
    expect((await endpoint.post(await signed())).status).toBe(200);
    await endpoint.close();
  });
});

test.each([
  ["no audience", { audience: "" }, /audience of cloudTasks/],
  ["no service account", { serviceAccounts: [] }, /serviceAccounts of cloudTasks/],
  ["keys in the clear", { jwks: "http://keys.example.com" }, /https URL/],
  ["keys from nowhere", { jwks: "keys" }, /https URL/],
  ["keys that are none", { jwks: { keys: "k1" } }, /no JSON Web Key Set/],
  ["a longer ack deadline than Cloud Tasks has", { dispatchDeadline: "31m" as const }, /"15s" to "30m"/],
])("%s is refused at the start", (_what, wrong, message) => {
  const options = { audience: AUDIENCE, serviceAccounts: [ACCOUNT], ...wrong } as Parameters<typeof cloudTasks>[0];
  expect(() => cloudTasks(options)).toThrow(message);
});

test("a receiver that does not keep its dead letters itself is refused: Cloud Tasks forgets them", () => {
  expect(() => createReceiver({ jobs: [], carriers: [carrier()], log: "off" })).toThrow(/give keepDead/);
});
