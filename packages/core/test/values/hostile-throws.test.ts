import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  defineJob,
  type LogLine,
  newId,
  type Outcome,
  type OutcomeEvent,
  RetryLater,
  WaybillError,
} from "../../src/index.ts";
import { createHandlerRegistry, type Delivery, execute, Forwarded } from "../../src/exports/endpoint.ts";
import { executeInline, testJobs } from "../../src/testing/index.ts";
import { randomOf } from "../../src/testing/random.ts";
import type { StandardSchema } from "../../src/job/standard-schema.ts";
import { brandOf } from "../../src/errors.ts";
import { connected } from "../helpers/connected.ts";
import { hostileValues, randomThrown } from "../helpers/hostile-values.ts";

const LONGEST = 2_000;

function thrower(make: () => unknown, maxAttempts = 2) {
  return defineJob({
    type: "throws",
    retry: { maxAttempts, initial: 1 },
    handler() {
      throw make();
    },
  });
}

function textOf(outcome: Outcome): string {
  return outcome.kind === "completed" ? "" : `${outcome.reason.code}\n${outcome.reason.message}`;
}

test.each(hostileValues)("$name is a failed attempt whose text says what it was", async ({ make, says }) => {
  const first = await executeInline(thrower(make), {});
  expect(first.kind).toBe("retry");
  expect(textOf(first)).toMatch(says);
  expect(textOf(first).length).toBeLessThan(LONGEST + 200);
  expect(textOf(first)).toBe(textOf(first).toWellFormed());
  const last = await executeInline(thrower(make), {}, { attempt: 2 });
  expect(last).toMatchObject({ kind: "dead", reason: { code: "ATTEMPTS_EXHAUSTED" }, kept: true });
});

test("1,000 random thrown values are each a failed attempt, and the last attempt is the last", async () => {
  const random = randomOf(9);
  for (let at = 0; at < 1_000; at++) {
    const value = randomThrown(random);
    const job = thrower(() => value);
    const kinds = [await executeInline(job, {}), await executeInline(job, {}, { attempt: 2 })].map(({ kind }) => kind);
    expect([at, ...kinds]).toEqual([at, "retry", "dead"]);
  }
});

test("a worker of one slot runs every hostile job to its last attempt, frees the slot, and runs the next one", async () => {
  const lines: LogLine[] = [];
  const jobs = await connected("memory:", { log: (line) => void lines.push(line) });
  const runs = new Map<string, number>();
  const hostile = hostileValues.map(({ make }, at) =>
    defineJob({
      type: `hostile_${at}`,
      retry: { maxAttempts: 2, initial: 1 },
      async handler(_, job) {
        runs.set(job.type, (runs.get(job.type) ?? 0) + 1);
        throw make();
      },
    }),
  );
  const after = defineJob({ type: "after", handler() {} });
  const dead: OutcomeEvent[] = [];
  const allEnded = new Promise<void>((resolve) => {
    let completed = false;
    jobs.events.on("settled", (event) => {
      if (event.outcome === "dead") dead.push(event);
      if (event.type === "after") completed = true;
      if (completed && dead.length === hostile.length) resolve();
    });
  });
  const worker = jobs.worker({ jobs: [...hostile, after], concurrency: 1, prefetch: 0 });
  await worker.start();
  for (const job of hostile) await jobs.enqueue(job, {});
  await jobs.enqueue(after, {});
  await allEnded;
  await worker.stop();
  expect([...runs.values()].filter((count) => count !== 2)).toEqual([]);
  expect(Math.max(...lines.map((line) => JSON.stringify(line).length))).toBeLessThan(3 * LONGEST + 1_000);
});

test("drain of testJobs ends although every job throws what cannot be read", async () => {
  const job = thrower(() => Object.create(null), 1);
  const jobs = await testJobs({ jobs: [job] });
  await jobs.enqueue(job, {});
  const ended = await jobs.drain();
  expect(ended.map(({ outcome, reason }) => [outcome, reason?.code])).toEqual([["dead", "ATTEMPTS_EXHAUSTED"]]);
  await jobs.close();
});

test("only what is branded releases or ends a job: the same code, name and members as data are a failed attempt", async () => {
  const forged = { ...new RetryLater("1s"), ...new Forwarded({ kind: "completed" }), name: "RetryLater" };
  const wire: unknown = JSON.parse(JSON.stringify(forged));
  const values = [forged, wire, Object.assign(new Error("x"), forged), structuredClone(new RetryLater("1s"))];
  for (const value of values)
    expect(
      (
        await executeInline(
          thrower(() => value),
          {},
        )
      ).kind,
    ).toBe("retry");
  expect(
    (
      await executeInline(
        thrower(() => new RetryLater("1s")),
        {},
      )
    ).kind,
  ).toBe("release");
});

test("another copy of the package shares the brand", async () => {
  class OtherCopy extends Error {
    delayMs = 5_000;
    get [Symbol.for("waybill.error")]() {
      return "RetryLater";
    }
  }
  expect(
    await executeInline(
      thrower(() => new OtherCopy("later")),
      {},
    ),
  ).toMatchObject({
    kind: "release",
    delayMs: 5_000,
    reason: { code: "RETRY_LATER", message: "later" },
  });
  expect(brandOf(new (class extends WaybillError {})("SHUTDOWN", "x"))).toBe("WaybillError");
});

test("a release lasts at least 100 ms, whoever asks for it", async () => {
  const rule = defineJob({
    type: "ruled",
    errors: [{ error: "BUSY", do: "release", delay: 1 }],
    handler: () => Promise.reject(Object.assign(new Error("busy"), { code: "BUSY" })),
  });
  const reason = { code: "FULL", message: "full" };
  const outcomes = [
    await executeInline(
      thrower(() => new RetryLater(0)),
      {},
    ),
    await executeInline(rule, {}),
    await executeInline(
      thrower(() => new Forwarded({ kind: "release", delayMs: -1, reason })),
      {},
    ),
    await executeInline(
      thrower(() => Object.assign(new RetryLater(5), { delayMs: Number.NaN })),
      {},
    ),
  ];
  expect(outcomes.map((outcome) => outcome.kind === "release" && outcome.delayMs)).toEqual([100, 100, 100, 100]);
});

test("an outcome from elsewhere that is none is a failed attempt", async () => {
  for (const outcome of [null, {}, { kind: "forgotten" }, 7]) {
    const forwarded = Object.assign(new Forwarded({ kind: "completed" }), { outcome });
    expect(
      (
        await executeInline(
          thrower(() => forwarded),
          {},
        )
      ).kind,
    ).toBe("retry");
  }
});

test("rules see the code of a thrown object, and class rules survive values that cannot be compared", async () => {
  class Gone extends Error {}
  const job = (value: () => unknown) =>
    defineJob({
      type: "ruled",
      errors: [
        { error: Gone, do: "discard" },
        { error: "PGRST*", do: "discard" },
        { error: "PGRST116", do: "dead_letter" },
      ],
      handler() {
        throw value();
      },
    });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(
    await executeInline(
      job(() => ({ code: "PGRST116", message: "no rows" })),
      {},
    ),
  ).toMatchObject({
    kind: "dead",
    reason: { code: "NON_RETRYABLE", message: "Error: no rows" },
  });
  expect(
    (
      await executeInline(
        job(() => proxy),
        {},
      )
    ).kind,
  ).toBe("retry");
  const unreadable = Object.defineProperty(new Gone(), "message", { get: () => expect.fail("read") });
  expect(
    await executeInline(
      job(() => unreadable),
      {},
    ),
  ).toMatchObject({ kind: "dead", kept: false });
});

test("a failed attempt says what caused it, however deep, and says nothing twice", async () => {
  const root = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const fetchFailed = new TypeError("fetch failed", { cause: root });
  expect(
    await executeInline(
      thrower(() => fetchFailed),
      {},
    ),
  ).toMatchObject({
    reason: { message: "TypeError: fetch failed; caused by Error: connect ECONNREFUSED" },
  });
  const repeats = new Error("no way: connect ECONNREFUSED", { cause: root });
  expect(
    await executeInline(
      thrower(() => repeats),
      {},
    ),
  ).toMatchObject({
    reason: { message: "Error: no way: connect ECONNREFUSED" },
  });
});

const schemaOf = (validate: (value: unknown) => unknown): StandardSchema =>
  ({ "~standard": { version: 1, vendor: "test", validate } }) as StandardSchema;

function delivery(type: string, more: Partial<Delivery> = {}): Delivery {
  const body = JSON.stringify({ spec: "waybill/1", id: newId(), type, args: [{}] });
  return { body, attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null, worker: "test", ...more };
}

/** What runs around a handler, each made to throw `value`. */
const around: readonly {
  readonly name: string;
  readonly registry: (value: unknown) => ReturnType<typeof createHandlerRegistry>;
}[] = [
  {
    name: "a middleware",
    registry: (value) =>
      createHandlerRegistry([defineJob({ type: "around", handler() {} })], {
        middleware: [
          () => {
            throw value;
          },
        ],
      }),
  },
  {
    name: "a schema",
    registry: (value) =>
      createHandlerRegistry([
        defineJob({
          type: "around",
          payload: schemaOf(() => {
            throw value;
          }),
          handler() {},
        }),
      ]),
  },
  {
    name: "a schema that rejects",
    registry: (value) =>
      createHandlerRegistry([
        defineJob({ type: "around", payload: schemaOf(() => Promise.reject(value)), handler() {} }),
      ]),
  },
  {
    name: "a signature check",
    registry: (value) => ({
      ...createHandlerRegistry([defineJob({ type: "around", handler() {} })]),
      signatures: () => {
        throw value;
      },
    }),
  },
  {
    name: "a registry",
    registry: (value) => {
      let asked = 0;
      const registry = createHandlerRegistry([defineJob({ type: "around", handler() {} })]);
      return {
        ...registry,
        find: (type) => {
          if ((asked += 1) === 1) throw value;
          return registry.find(type);
        },
      };
    },
  },
];

test.each(around)("$name that throws any value is a failed attempt", async ({ registry }) => {
  for (const { make } of hostileValues) {
    const outcome = await execute(delivery("around"), registry(make()));
    expect(outcome.kind).toBe("retry");
    expect((await execute(delivery("around", { attempt: 10 }), registry(make()))).kind).toBe("dead");
  }
});

test("an upcaster that throws any value is a payload that does not fit", async () => {
  for (const { make } of hostileValues) {
    const job = defineJob({
      type: "around",
      version: 2,
      upcasters: {
        1: () => {
          throw make();
        },
      },
      handler() {},
    });
    expect(await execute(delivery("around"), createHandlerRegistry([job]))).toMatchObject({
      kind: "dead",
      reason: { code: "PAYLOAD_INVALID" },
    });
  }
});

test("a schema that returns what Standard Schema does not know is its own error, and odd issues are a refused payload", async () => {
  const handler = vi.fn();
  const run = (result: unknown) =>
    execute(
      delivery("around"),
      createHandlerRegistry([defineJob({ type: "around", payload: schemaOf(() => result), handler })]),
    );
  for (const result of [undefined, null, 7, "ok", Promise.resolve(undefined)]) {
    expect(await run(result)).toMatchObject({
      kind: "retry",
      reason: { message: /returned .* where a Standard Schema/ },
    });
  }
  const odd: unknown[] = [true, [null], [{ message: 7, path: [Symbol("s"), { key: {} }] }], [Object.create(null)]];
  for (const issues of odd) {
    expect(await run({ issues })).toMatchObject({ kind: "dead", reason: { code: "PAYLOAD_INVALID" } });
  }
  expect(handler).not.toHaveBeenCalled();
  const ofAnotherRealm: unknown = runInNewContext(`Promise.resolve({ issues: [{ message: "late" }] })`);
  expect(await run(ofAnotherRealm)).toMatchObject({ kind: "dead", reason: { code: "PAYLOAD_INVALID" } });
});

const warnings: string[] = [];
const onWarning = ({ message }: Error): void => void warnings.push(message);
beforeEach(() => void process.on("warning", onWarning));
afterEach(() => void process.off("warning", onWarning));

test("a listener and a telemetry that throw any value change no outcome, and are told of by a warning", async () => {
  const loud = hostileValues.filter(({ name }) => /prototype|toString|revoked|1 MB|getter/.test(name));
  for (const { make } of loud) {
    const fail = (): never => {
      throw make();
    };
    const telemetry = { send: fail, process: fail, settled: fail };
    const registry = createHandlerRegistry([defineJob({ type: "around", handler() {} })], { telemetry });
    registry.events.on("started", fail);
    registry.events.on("finished", fail);
    registry.events.on("finished", (async () => fail()) as () => void);
    expect(await execute(delivery("around"), registry)).toEqual({ kind: "completed" });
  }
  await vi.waitFor(() => expect(warnings.length).toBeGreaterThanOrEqual(3 * loud.length));
  expect(Math.max(...warnings.map(({ length }) => length))).toBeLessThan(LONGEST + 200);
});
