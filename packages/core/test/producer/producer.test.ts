import { expect, test, vi } from "vitest";
import { z } from "zod";
import { defineJob, isWaybillError, type LogLine } from "../../src/index.ts";
import { parseEnvelope } from "../../src/exports/endpoint.ts";
import { connected, eventOf, memoryWith } from "../helpers/connected.ts";

const receipt = defineJob({
  type: "receipt.send",
  queue: "mailers",
  payload: z.object({ orderId: z.string(), items: z.array(z.object({ n: z.number() })).optional() }),
});

/** Enqueues on a backend that shows what it was handed. */
async function enqueuedMessage(...call: [unknown, object?]) {
  const messages: {
    id: string;
    body: string;
    delayMs: number;
    queue: string;
    priority: number;
    tenant: string | null;
  }[] = [];
  const jobs = await connected(
    memoryWith((backend) => ({
      enqueue: (list) => {
        messages.push(...list);
        return backend.enqueue(list);
      },
    })),
  );
  await jobs.enqueue(receipt, call[0] as { orderId: string }, call[1]);
  const message = messages[0];
  if (!message) throw new Error("nothing was enqueued");
  return { message, envelope: parseEnvelope(message.body) };
}

test("a plain call writes only what it named, and when it was made", async () => {
  const { envelope } = await enqueuedMessage({ orderId: "o_1" });
  expect(Object.keys(envelope)).toEqual(["spec", "id", "type", "queue", "args", "created_at"]);
  expect(envelope).toMatchObject({
    spec: "waybill/1",
    type: "receipt.send",
    queue: "mailers",
    args: [{ orderId: "o_1" }],
  });
});

test("every option of the call is in the envelope, and its part in the label", async () => {
  const runAt = new Date(Date.now() + 60_000);
  const options = {
    runAt,
    queue: "slow",
    priority: 7,
    tenant: "acme",
    meta: { locale: "de" },
    timeout: "1500ms",
    retry: {
      maxAttempts: 2,
      initial: "90s",
      factor: 3,
      max: "1h",
      jitter: false,
      nonRetryable: ["E.*"],
      onExhaustion: "discard",
    },
  };
  const { envelope, message } = await enqueuedMessage({ orderId: "o_1" }, options);
  expect(envelope).toMatchObject({
    scheduled_at: runAt.toISOString(),
    priority: 7,
    timeout: 2,
    retry: {
      max_attempts: 2,
      initial_interval: "PT1M30S",
      backoff_coefficient: 3,
      max_interval: "PT1H",
      jitter: false,
      non_retryable_errors: ["E.*"],
      on_exhaustion: "discard",
    },
    meta: { locale: "de", tenant_id: "acme" },
  });
  expect(message).toMatchObject({ queue: "slow", priority: 7, tenant: "acme" });
  expect(message.delayMs).toBeGreaterThan(59_000);
});

test("a payload's version travels with it from the second on, and so does who made the job", async () => {
  const bodies: string[] = [];
  const spied = memoryWith(({ enqueue }) => ({
    enqueue(list) {
      bodies.push(...list.map(({ body }) => body));
      return enqueue(list);
    },
  }));
  const jobs = await connected(spied, { source: "urn:shop:checkout" });
  for (const version of [1, 2]) await jobs.enqueue(defineJob({ type: "t", version }), {}, { meta: { locale: "de" } });
  expect(bodies.map((body) => parseEnvelope(body))).toMatchObject([
    { source: "urn:shop:checkout", meta: { locale: "de" } },
    { source: "urn:shop:checkout", meta: { locale: "de", payload_version: 2 } },
  ]);
  expect(bodies[0]).not.toContain("payload_version");
});

test("an expiry is an absolute time, from now or given, that may lie past the delay", async () => {
  const at = new Date(Date.now() + 3_600_000);
  const { envelope } = await enqueuedMessage({ orderId: "o_1" }, { delay: "10m", expiresIn: "11m" });
  expect(Date.parse(envelope.expires_at ?? "") - Date.parse(envelope.scheduled_at ?? "")).toBe(60_000);
  const given = await enqueuedMessage({ orderId: "o_1" }, { expiresAt: at });
  expect(given.envelope.expires_at).toBe(at.toISOString());
});

test("all times of an envelope are counted from one instant, however the clock moves meanwhile", async () => {
  let now = Date.now();
  const ticking = vi.spyOn(Date, "now").mockImplementation(() => (now += 1));
  const { envelope } = await enqueuedMessage({ orderId: "o_1" }, { delay: 1_000, expiresIn: 1_001 });
  ticking.mockRestore();
  const [created, scheduled, expires] = [envelope.created_at, envelope.scheduled_at, envelope.expires_at].map((time) =>
    Date.parse(time ?? ""),
  );
  expect([scheduled! - created!, expires! - created!]).toEqual([1_000, 1_001]);
});

test("a job whose expiry has come is kept for a person, and its handler never starts", async () => {
  const jobs = await connected();
  let ran = 0;
  const job = defineJob({ type: "late", handler: () => void (ran += 1) });
  await jobs.enqueue(job, {}, { expiresIn: 20 });
  await new Promise((resolve) => setTimeout(resolve, 30));
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [job] }).start();
  expect(await settled).toMatchObject({ outcome: "dead", reason: { code: "EXPIRED" } });
  expect(ran).toBe(0);
});

test("a delay becomes an absolute time in the envelope and a relative one in the label", async () => {
  const { envelope, message } = await enqueuedMessage({ orderId: "o_1" }, { delay: "10m" });
  const away = Date.parse(envelope.scheduled_at ?? "") - Date.now();
  expect(Math.abs(away - 600_000)).toBeLessThan(2_000);
  expect(Math.abs(message.delayMs - 600_000)).toBeLessThan(2_000);
});

test("the same call under the caller's own id makes the same bytes, so that enqueueing twice is one job", async () => {
  const jobs = await connected();
  const id = "0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
  expect(await jobs.enqueue(receipt, { orderId: "o_1" }, { id })).toEqual({ id, stored: true });
  expect(await jobs.enqueue(receipt, { orderId: "o_1" }, { id })).toEqual({ id, stored: false });
  await expect(jobs.enqueue(receipt, { orderId: "o_2" }, { id })).rejects.toMatchObject({ code: "ID_CONFLICT" });
});

const refusals: [string, unknown, object, string, RegExp][] = [
  ["a payload that fails its schema, naming the field", { orderId: 1 }, {}, "PAYLOAD_INVALID", /orderId/],
  [
    "a field deep inside, by its path",
    { orderId: "o", items: [{ n: 1 }, { n: "2" }] },
    {},
    "PAYLOAD_INVALID",
    /items\.1\.n/,
  ],
  ["both delay and runAt", { orderId: "o" }, { delay: "1s", runAt: new Date() }, "CONFIG_INVALID", /give one/],
  [
    "both expiresIn and expiresAt",
    { orderId: "o" },
    { expiresIn: "1s", expiresAt: new Date() },
    "CONFIG_INVALID",
    /give one/,
  ],
  ["an expiry before its start", { orderId: "o" }, { delay: "1h", expiresIn: "1h" }, "CONFIG_INVALID", /more time/],
  ["an expiry that is past", { orderId: "o" }, { expiresAt: new Date(0) }, "CONFIG_INVALID", /more time/],
  ["an expiresAt that is no date", { orderId: "o" }, { expiresAt: new Date("x") }, "CONFIG_INVALID", /invalid Date/],
  ["a runAt that is no date", { orderId: "o" }, { runAt: new Date("x") }, "CONFIG_INVALID", /invalid Date/],
  ["a duration without a unit", { orderId: "o" }, { delay: "10" }, "CONFIG_INVALID", /"10m"/],
  ["a queue name no backend can hold", { orderId: "o" }, { queue: "Über" }, "CONFIG_INVALID", /lower-case/],
  [
    "an id that is no UUID",
    { orderId: "o" },
    { id: "order-1" },
    "CONFIG_INVALID",
    /id of "receipt.send" is "order-1": a UUID/,
  ],
  [
    "a priority out of range",
    { orderId: "o" },
    { priority: 101 },
    "CONFIG_INVALID",
    /priority of "receipt.send" is 101/,
  ],
  ["more bytes than the limit", { orderId: "x".repeat(300_000) }, {}, "CAPABILITY_MISSING", /262144/],
];
for (const [what, payload, options, code, message] of refusals) {
  test(`enqueue refuses ${what}`, async () => {
    const jobs = await connected();
    const refused = jobs.enqueue(receipt, payload as { orderId: string }, options);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(message);
    expect(await jobs.inspector?.counts()).toEqual([]);
  });
}

class User {
  readonly name = "Ada";
}

const unJson: [string, unknown, RegExp][] = [
  ["a Date", { when: new Date() }, /when: a Date/],
  ["a Map", { map: new Map() }, /map: a Map/],
  ["NaN", { list: [1, Number.NaN] }, /list\[1\]: NaN/],
  ["a bigint", { n: 1n }, /n: a bigint/],
  ["a function", { f: () => 1 }, /f: a function/],
  ["a class of your own", { user: new User() }, /user: a User/],
];
for (const [what, payload, message] of unJson) {
  test(`a payload holding ${what} is refused at enqueue, since it would not arrive as one`, async () => {
    const jobs = await connected();
    await expect(jobs.enqueue("any.type", payload)).rejects.toThrow(message);
  });
}

test("a payload that holds itself is refused rather than followed for ever", async () => {
  const jobs = await connected();
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  await expect(jobs.enqueue("any.type", loop)).rejects.toThrow(/cycle/);
});

test("enqueueMany answers per item, in order, and one that fails does not sink its neighbours", async () => {
  const jobs = await connected();
  const answers = await jobs.enqueueMany([
    { job: receipt, payload: { orderId: "a" } },
    // @ts-expect-error as a caller without types would
    { job: receipt, payload: { orderId: 2 } },
    { job: receipt, payload: { orderId: "c" }, options: { delay: "1h" } },
  ]);
  expect(answers.map((answer) => answer.ok)).toEqual([true, false, true]);
  expect(answers[1]).toMatchObject({ error: { code: "PAYLOAD_INVALID" } });
  expect(await jobs.inspector?.counts()).toMatchObject([{ queue: "mailers", ready: 1, delayed: 1 }]);
});

test("R24: a type name that no registered job has is refused, and without a registry it is taken", async () => {
  const strict = await connected("memory:", { jobs: [receipt] });
  await expect(strict.enqueue("unknown.type", {})).rejects.toMatchObject({ code: "JOB_UNKNOWN" });
  await expect(strict.enqueue("receipt.send", { orderId: 5 })).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
  expect(await (await connected()).enqueue("unknown.type", {})).toMatchObject({ stored: true });
});

test("R24: in production an unknown type is stored and counted by an event", async () => {
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  try {
    const jobs = await connected("memory:", { jobs: [receipt], allowVolatile: true });
    const counted = eventOf(jobs, "unknown_type");
    const { id } = await jobs.enqueue("unknown.type", {});
    expect(await counted).toMatchObject({ id, type: "unknown.type" });
  } finally {
    process.env["NODE_ENV"] = before;
  }
});

test("enqueue on a backend that never answers rejects within its timeout and names the id to use again", async () => {
  const silent = memoryWith(() => ({ enqueue: () => new Promise(() => {}) }));
  const jobs = await connected(silent, { enqueueTimeout: "60ms", closeTimeout: "50ms" });
  const startedAt = performance.now();
  const error = await jobs.enqueue(receipt, { orderId: "o" }).catch((thrown: unknown) => thrown);
  expect(isWaybillError(error, "ENQUEUE_UNKNOWN") && error.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(String(error)).toMatch(/60 ms.*[0-9a-f-]{36}.*again with that id.*ID_CONFLICT/s);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test("what a backend lets through as a plain error reaches the caller as ENQUEUE_UNKNOWN with its cause", async () => {
  const cause = new Error("socket hang up");
  const jobs = await connected(memoryWith(() => ({ enqueue: () => Promise.reject(cause) })));
  const error = await jobs.enqueue(receipt, { orderId: "o" }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "ENQUEUE_UNKNOWN", message: expect.stringContaining("socket hang up") });
});

test("R4: an enqueue is one log line with the job's id, type and queue", async () => {
  const lines: LogLine[] = [];
  const jobs = await connected("memory:", { log: (line) => void lines.push(line) });
  const { id } = await jobs.enqueue(receipt, { orderId: "o" });
  expect(lines).toMatchObject([{ event: "enqueued", id, type: "receipt.send", queue: "mailers", stored: true }]);
});
