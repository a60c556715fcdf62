import { DeadLetter, defineJob, RetryLater } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Carrier } from "../../src/exports/carrier.ts";
import { createReceiver, type DeadPush, native } from "../../src/index.ts";
import { envelope, idIn } from "../support/daemon-request.ts";
import {
  type PostedResponse,
  forgetful,
  keys,
  now,
  post,
  receiving,
  secret,
  serving,
} from "../support/signed-requests.ts";

const jobs = [
  defineJob({ type: "works", handler() {} }),
  defineJob({
    type: "fails",
    retry: { maxAttempts: 2, initial: "1500ms", jitter: false },
    handler: () => Promise.reject(Object.assign(new Error("no printer"), { code: "E_PRINTER" })),
  }),
  defineJob({ type: "fails.oddly", handler: () => Promise.reject(Object.assign(new Error("?"), { code: "né\n" })) }),
  defineJob({ type: "later", handler: () => Promise.reject(new RetryLater(2_100)) }),
  defineJob({ type: "given.up", handler: () => Promise.reject(new DeadLetter("the album is gone")) }),
  defineJob({ type: "forgotten", retry: { maxAttempts: 1, onExhaustion: "discard" }, handler: () => Promise.reject() }),
  defineJob({ type: "slow", timeout: "20ms", handler: () => new Promise<void>(() => {}) }),
  defineJob({ type: "strict", payload: z.object({ n: z.number() }), handler() {} }),
];

const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
const aSecondAgo = (): string => new Date(Date.now() - 1_000).toISOString();
const withMore = (type: string, more: object): string => JSON.stringify({ ...JSON.parse(envelope(type)), ...more });

/** The parts of a response that our own sender and others settle the job by. */
function summary({ status, headers, json }: PostedResponse): object {
  const header = (name: string): string | undefined => headers.get(name) ?? undefined;
  return {
    status,
    outcome: header("waybill-outcome"),
    code: json["code"],
    reason: header("waybill-reason"),
    delayMs: header("waybill-delay-ms"),
    retryAfter: header("retry-after"),
    kept: header("waybill-kept"),
  };
}

describe("each outcome has one response", () => {
  test.each<[string, string, object]>([
    ["a job that completes is a 200", envelope("works"), { status: 200, outcome: "completed" }],
    [
      "one that fails is a 500, with the wait before the next attempt",
      envelope("fails"),
      { status: 500, outcome: "retry", code: "E_PRINTER", reason: "E_PRINTER", delayMs: "1500", retryAfter: "2" },
    ],
    [
      "one that asks for later is a 429, with the time it asked for",
      envelope("later"),
      { status: 429, outcome: "release", code: "RETRY_LATER", reason: "RETRY_LATER", delayMs: "2100", retryAfter: "3" },
    ],
    [
      "one of an unknown type comes back: a newer process may know it",
      envelope("unknown.type"),
      { status: 429, outcome: "release", code: "JOB_UNKNOWN", reason: "JOB_UNKNOWN", delayMs: "5000", retryAfter: "5" },
    ],
    [
      "one given up is a 422",
      envelope("given.up"),
      { status: 422, outcome: "dead", code: "DEAD_LETTERED", reason: "DEAD_LETTERED" },
    ],
    [
      "one that is discarded says so",
      envelope("forgotten"),
      { status: 422, outcome: "dead", code: "ATTEMPTS_EXHAUSTED", reason: "ATTEMPTS_EXHAUSTED", kept: "false" },
    ],
    [
      "one whose payload does not fit is a 422",
      envelope("strict"),
      { status: 422, outcome: "dead", code: "PAYLOAD_INVALID", reason: "PAYLOAD_INVALID" },
    ],
    [
      "one that has expired is a 422",
      withMore("works", { expires_at: aSecondAgo() }),
      { status: 422, outcome: "dead", code: "EXPIRED", reason: "EXPIRED" },
    ],
    [
      "what is an envelope but for one member is a 400",
      withMore("works", { priority: 101 }),
      { status: 400, outcome: "dead", code: "RANGE_INVALID", reason: "RANGE_INVALID" },
    ],
    [
      "what names a member twice is a 400",
      envelope("works").replace("{", '{"type":"works",'),
      { status: 400, outcome: "dead", code: "JSON_DUPLICATE_KEY", reason: "JSON_DUPLICATE_KEY" },
    ],
  ])("%s", async (_, body, expected) => {
    const { push } = await receiving({ jobs });
    expect(summary(await push(body))).toEqual(expect.objectContaining(expected));
  });

  test("a timeout is an attempt that failed", async () => {
    const { push } = await receiving({ jobs });
    expect(summary(await push(envelope("slow")))).toMatchObject({ status: 500, code: "JOB_TIMEOUT" });
  });

  test("a job before its time waits for exactly as long", async () => {
    const { push } = await receiving({ jobs });
    const response = await push(withMore("works", { scheduled_at: inAnHour() }));
    expect(summary(response)).toMatchObject({ status: 429, outcome: "release", code: "EARLY" });
    const delayMs = Number(response.headers.get("waybill-delay-ms"));
    expect(Math.abs(delayMs - 3_600_000)).toBeLessThan(5_000);
    expect(response.headers.get("retry-after")).toBe(String(Math.ceil(delayMs / 1_000)));
  });

  test("the attempt and the losses that the sender counts decide", async () => {
    const { push } = await receiving({ jobs, maxLost: 3 });
    const last = await push(envelope("fails"), { headers: { "waybill-attempt": "2" } });
    expect(summary(last)).toMatchObject({ status: 422, outcome: "dead", code: "ATTEMPTS_EXHAUSTED" });
    const killer = await push(envelope("works"), { headers: { "waybill-lost": "3" } });
    expect(summary(killer)).toMatchObject({ status: 422, outcome: "dead", code: "WORKER_LOST" });
  });

  test("counts that are no numbers are as if absent", async () => {
    const { push, lines } = await receiving({ jobs });
    const headers = {
      "waybill-attempt": "2x",
      "waybill-lost": "-1",
      "waybill-releases": "1e3",
      "waybill-queue": "a b",
    };
    expect((await push(envelope("works"), { headers })).status).toBe(200);
    expect(lines.find(({ event }) => event === "started")).toMatchObject({
      attempt: 1,
      lost: 0,
      releases: 0,
      queue: "default",
    });
  });
});

const anyFrames = expect.arrayContaining([expect.stringMatching(/^at .*receiver\.test\.ts:\d+/)]);

describe("a response", () => {
  test("has the job's id for the access log, whatever the outcome", async () => {
    const { push } = await receiving({ jobs });
    for (const type of ["works", "fails", "later", "given.up", "unknown.type"]) {
      const body = envelope(type);
      expect((await push(body)).headers.get("x-waybill-job"), type).toBe(idIn(body));
    }
  });

  test("other than 200 is a problem of RFC 9457, and says why if the request is signed", async () => {
    const { push } = await receiving({ jobs });
    const { headers, json } = await push(envelope("fails"));
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(json).toEqual({
      type: "urn:waybill:problem:e_printer",
      title: "The attempt failed",
      status: 500,
      code: "E_PRINTER",
      detail: "Error: no printer",
      error: { name: "Error", code: "E_PRINTER", message: "no printer", stack: anyFrames, causes: [] },
    });
  });

  test("has no stack if the request is not signed", async () => {
    const { push } = await receiving({ jobs, keys: "unsigned" });
    const { json } = await push(envelope("fails"));
    expect(json).toMatchObject({ code: "E_PRINTER", detail: "Error: no printer" });
    expect(json).not.toHaveProperty("error");
  });

  test("omits a code that no header can contain from its headers", async () => {
    const { push } = await receiving({ jobs });
    const { status, headers, json } = await push(envelope("fails.oddly"));
    expect({ status, reason: headers.get("waybill-reason"), code: json["code"] }).toEqual({
      status: 500,
      reason: null,
      code: "né\n",
    });
  });
});

describe("keepDead", () => {
  test("is not called for our own sender, whose dead jobs stay in the queue they came from", async () => {
    const letters: DeadPush[] = [];
    const { push } = await receiving({ jobs, keepDead: async (letter) => void letters.push(letter) });
    expect(summary(await push(envelope("given.up")))).toMatchObject({
      status: 422,
      outcome: "dead",
      code: "DEAD_LETTERED",
    });
    expect(letters).toEqual([]);
  });

  test("that failed is called again for the next delivery, without another run of the handler", async () => {
    let runs = 0;
    const ends = defineJob({
      type: "ends",
      handler() {
        runs += 1;
        throw new DeadLetter("the album is gone");
      },
    });
    const letters: DeadPush[] = [];
    let isFull = true;
    const { push } = await receiving({
      jobs: [ends],
      carriers: [forgetful],
      async keepDead(letter) {
        if (isFull) throw new Error("disk full");
        letters.push(letter);
      },
    });
    const body = envelope("ends");
    for (const _ of [1, 2, 3]) expect((await push(body)).status).toBe(503);
    isFull = false;
    expect(summary(await push(body, { as: { timestamp: now() + 1 } }))).toMatchObject({ status: 200, outcome: "dead" });
    expect([runs, letters]).toEqual([1, [expect.objectContaining({ body, code: "DEAD_LETTERED" })]]);
    expect(letters[0]?.error).toMatchObject({ name: "DeadLetter" });
    // Kept, so a delivery that comes after it is another run.
    await push(body, { as: { timestamp: now() + 2 } });
    expect(runs).toBe(2);
  });

  test("keeps a job that will never run, byte for byte, before the response is 200", async () => {
    const letters: DeadPush[] = [];
    const { push, lines } = await receiving({
      jobs,
      carriers: [forgetful],
      keepDead: async (letter) => void letters.push(letter),
    });
    const bodies = [envelope("given.up"), "not an envelope"];
    const [givenUp, poison] = [await push(bodies[0] ?? ""), await push(bodies[1] ?? "", { as: { id: "msg_1" } })];
    expect(summary(givenUp)).toMatchObject({ status: 200, outcome: "dead", code: "DEAD_LETTERED" });
    expect(summary(poison)).toMatchObject({ status: 200, outcome: "dead", code: "JSON_SYNTAX" });
    const givenUpError = {
      name: "DeadLetter",
      code: "DEAD_LETTERED",
      message: "the album is gone",
      stack: anyFrames,
      causes: [],
    };
    expect(letters).toEqual([
      {
        id: idIn(bodies[0] ?? ""),
        body: bodies[0],
        code: "DEAD_LETTERED",
        message: "the album is gone",
        error: givenUpError,
      },
      { id: null, body: bodies[1], code: "JSON_SYNTAX", message: expect.any(String) },
    ]);
    expect(lines.filter(({ event }) => event === "settled")).toHaveLength(2);
  });

  test("may return nothing: the dead letter is then kept", async () => {
    const letters: DeadPush[] = [];
    const keepDead = ((letter: DeadPush) => void letters.push(letter)) as unknown as (
      letter: DeadPush,
    ) => Promise<void>;
    const { push } = await receiving({ jobs, carriers: [forgetful], keepDead });
    expect(summary(await push(envelope("given.up")))).toMatchObject({ status: 200, outcome: "dead" });
    expect(letters).toHaveLength(1);
  });

  test("is not called for a job that is discarded, and 200 ends it", async () => {
    const { push } = await receiving({
      jobs,
      carriers: [forgetful],
      keepDead: () => Promise.reject(new Error("not for this one")),
    });
    expect(summary(await push(envelope("forgotten")))).toMatchObject({ status: 200, outcome: "dead", kept: "false" });
  });

  test.each<[string, () => Promise<void>]>([
    ["fails", () => Promise.reject(new Error("disk full"))],
    [
      "throws at once",
      () => {
        throw new Error("disk full");
      },
    ],
  ])("that %s leaves the job with its sender, for later", async (_, keepDead) => {
    const { push, lines } = await receiving({ jobs, carriers: [forgetful], keepDead });
    const body = envelope("given.up");
    const response = await push(body);
    expect(summary(response)).toMatchObject({ status: 503, outcome: "release", code: "NOT_KEPT", retryAfter: "5" });
    expect(response.text).not.toContain("disk");
    expect(lines.at(-1)).toMatchObject({ event: "push_refused", message: "keepDead failed: Error: disk full" });
    expect(lines.filter(({ event }) => event === "settled")).toEqual([]);
  });
});

describe("a carrier of one's own", () => {
  const faulty = (): never => {
    throw new TypeError("a bug");
  };
  test.each([
    ["recognises", { recognises: faulty }],
    ["proves", { authenticate: faulty }],
    ["responds", { mapResponse: faulty }],
  ])("that fails where it %s is a 500, and the process goes on", async (_, bug) => {
    const carrier: Carrier = { ...native({ keys }), name: "ours", ...bug };
    const { push, lines } = await receiving({ jobs, carriers: [carrier] });
    expect(summary(await push(envelope("works")))).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(lines.at(-1)).toMatchObject({ event: "push_refused", message: "TypeError: a bug" });
  });

  test.each<[string, object, RegExp]>([
    ["a header of two lines", { headers: { "x-job": "a\nb" } }, /no header can be "x-job: a\\nb"/],
    ["a header past Latin-1", { headers: { "x-job": "żółw" } }, /no header can be "x-job: żółw"/],
    ["a header without a name", { headers: { "": "a" } }, /no header can be ": a"/],
    ["no status", { status: 0 }, /0 is no status/],
    ["a status that ends nothing", { status: 100 }, /100 is no status/],
    ["a body that is no text", { body: null }, /body is no text/],
  ])("that answers with %s is a 500, and the process goes on", async (_, bug, message) => {
    const mapResponse: Carrier["mapResponse"] = (response) => ({ ...response, ...bug });
    const { push, lines } = await receiving({ jobs, carriers: [{ ...native({ keys }), name: "ours", mapResponse }] });
    expect(summary(await push(envelope("works")))).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(lines.at(-1)).toMatchObject({ event: "push_refused", message: expect.stringMatching(message) });
  });
});

describe("a receiver starts only with what can work", () => {
  test.each<[string, Partial<Parameters<typeof createReceiver>[0]>, RegExp]>([
    ["no sender that is accepted", {}, /no sender is accepted: give `keys` or `carriers`/],
    ["a secret that is none", { keys: "hunter2" }, /secret 1 of the key ring is not "whsec_"/],
    ["a path without a slash", { keys: secret, path: "work" }, /path is "work": begin it with a slash/],
    [
      "a path that no request can have",
      { keys: secret, path: "/work?from=us" },
      /path is "\/work\?from=us": .* leave out \? and #/,
    ],
    [
      "a wait that no timer can hold",
      { keys: secret, bodyTimeout: "30d" },
      /bodyTimeout is 2592000000 ms; at most "24d"/,
    ],
    ["a grace that no timer can hold", { keys: secret, abort: "30d" }, /abort is 2592000000 ms; at most "24d"/],
    ["no slot for a job", { keys: secret, concurrency: 0 }, /concurrency is 0: a whole number from 1/],
    ["no bytes for a body", { keys: secret, maxBodyBytes: 0 }, /maxBodyBytes is 0/],
    ["no time for a body", { keys: secret, bodyTimeout: Number.NaN }, /bodyTimeout is NaN/],
    ["no age of a request", { keys: secret, tolerance: -1 }, /tolerance is -1/],
    ["an address that is none", { keys: secret, allowIps: ["localhost"] }, /allowIps has "localhost"/],
    ["two handlers of one type", { keys: secret, jobs: [...jobs, ...jobs] }, /two handlers .* "works"/],
    [
      "a carrier that does not wait",
      { carriers: [{ ...native({ keys }), name: "hasty", waitsForJobs: false }] },
      /hasty does not wait for jobs to run; use createRelay/,
    ],
    [
      "a carrier that forgets its dead",
      { carriers: [{ ...native({ keys }), name: "lossy", keepsDeadLetters: false }] },
      /lossy keeps no dead letters: give keepDead/,
    ],
  ])("not with %s", (_, options, message) => {
    expect(() => createReceiver({ jobs, log: "off", ...options })).toThrow(message);
  });

  test("R5: not where a program requires leases by pull: the error names the missing capabilities", () => {
    const start = () => createReceiver({ jobs, keys, log: "off", require: ["delivery:pull", "lease"] });
    expect(start).toThrow(expect.objectContaining({ code: "CAPABILITY_MISSING" }));
    expect(start).toThrow(/does not offer "delivery:pull", "lease"; it offers delivery:push/);
    expect(() => createReceiver({ jobs, keys, log: "off", require: ["delivery:push"] })).not.toThrow();
  });

  test("R5: and its boot line says what it offers, who may push and where", async () => {
    const { lines } = await receiving({ jobs, concurrency: 3, path: "/run" });
    expect(lines[0]).toMatchObject({
      event: "booted",
      role: "receiver",
      backend: "push:native at /run",
      offers: ["delivery:push"],
      concurrency: 3,
    });
  });
});

test("a request for another path is a 404 where the receiver is alone, and a GET of its path is a 405, without a log line", async () => {
  const { origin, url, lines } = await receiving({ jobs });
  expect((await post(`${origin}/other`, "{}")).json).toMatchObject({ status: 404, code: "NOT_FOUND" });
  const got = await fetch(url);
  expect({ status: got.status, allow: got.headers.get("allow") }).toEqual({ status: 405, allow: "POST" });
  expect(lines.map(({ event }) => event)).toEqual(["booted"]);
});

test("unsigned jobs must be allowed explicitly: then every client may push, and only to the receiver's path", async () => {
  const receiver = createReceiver({ jobs, keys: "unsigned", log: "off" });
  const origin = await serving(receiver);
  expect((await post(`${origin}/work`, envelope("works"))).status).toBe(200);
  expect((await post(`${origin}/else`, envelope("works"))).status).toBe(404);
  expect(receiver.matches({ method: "POST", path: "/else", headers: {} })).toBe(false);
});
