import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { defineJob, type JobContext, type Jobs } from "../../../src/index.ts";
import type { LedgerBackend } from "../../../src/exports/backend.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { connected, eventOf, memoryWith, settledCount } from "../../helpers/connected.ts";

/** A worker of one type, whose handler is `work`. */
async function works(jobs: Jobs, work: (job: JobContext) => Promise<unknown>, concurrency = 10): Promise<void> {
  const retry = { maxAttempts: 3, initial: 5, jitter: false } as const;
  const handler = async (_: unknown, job: JobContext): Promise<void> => void (await work(job));
  await jobs.worker({ jobs: [defineJob({ type: "charge", retry, handler })], concurrency }).start();
}

test("a second attempt gets the stored result, and the effect is not repeated", async () => {
  const jobs = await connected();
  let charges = 0;
  const seen: unknown[] = [];
  const done = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await works(jobs, async (job) => {
    seen.push(await job.once("charge", () => ({ charge: ++charges })));
    if (job.attempt < 3) throw new Error("the mail server is away");
  });
  await jobs.enqueue("charge", {});
  await done;
  expect(charges).toBe(1);
  expect(seen).toEqual([{ charge: 1 }, { charge: 1 }, { charge: 1 }]);
});

test("R46: deliveries that run at the same time have one effect; the others wait for its result", async () => {
  const open = memoryBackend();
  const [one, two] = [await connected(open), await connected(open)];
  let effects = 0;
  const seen: unknown[] = [];
  const work = async (job: JobContext): Promise<void> => {
    const charge = async (): Promise<string> => {
      effects += 1;
      await sleep(50);
      return `charge ${effects}`;
    };
    seen.push(await job.once("charge", charge, { scope: "invoice-7" }));
  };
  await works(one, work);
  await works(two, work);
  const settled = [settledCount(one, 1), settledCount(two, 1)];
  for (let count = 0; count < 8; count += 1) await one.enqueue("charge", {});
  await Promise.race(settled);
  await expect.poll(() => seen.length).toBe(8);
  expect(effects).toBe(1);
  expect(new Set(seen)).toEqual(new Set(["charge 1"]));
});

test("a key and a scope of once may have 255 characters, whatever their size in UTF-16, as keys of limits may", async () => {
  const jobs = await connected();
  const text = "😀".repeat(255);
  const done = eventOf(jobs, "settled");
  await works(jobs, (job) => job.once(text, () => 1, { scope: text }));
  await jobs.enqueue("charge", {});
  expect(await done).toMatchObject({ outcome: "completed" });
});

test("a damaged record makes the job a dead letter at once that says which record to delete", async () => {
  const backend = await memoryBackend()();
  const jobs = await connected(async () => backend);
  const done = eventOf(jobs, "settled");
  await works(jobs, async (job) => {
    await backend.ledger.commit([{ key: `once/${job.id}/a`, ifVersion: "absent", value: "{damaged" }]);
    await job.once("a", () => 1);
  });
  const { id } = await jobs.enqueue("charge", {});
  const message = expect.stringContaining(`the ledger record "once/${id}/a" is damaged`);
  expect(await done).toMatchObject({ outcome: "dead", reason: { code: "DEAD_LETTERED", message } });
});

test("a run that throws stores nothing, and the next attempt runs it again", async () => {
  const jobs = await connected();
  let runs = 0;
  const done = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await works(jobs, (job) =>
    job.once("charge", () => {
      runs += 1;
      if (runs < 3) throw new Error("declined");
    }),
  );
  await jobs.enqueue("charge", {});
  expect(await done).toMatchObject({ attempt: 3 });
  expect(runs).toBe(3);
});

test("keys and scopes are apart, and a result of nothing is stored as well", async () => {
  const jobs = await connected();
  const runs: string[] = [];
  const done = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await works(jobs, async (job) => {
    for (const key of ["a", "b", "a"]) await job.once(key, () => void runs.push(key));
    expect(await job.once("a", () => void runs.push("again"))).toBeUndefined();
    await job.once("a", () => void runs.push("scoped"), { scope: "other" });
  });
  await jobs.enqueue("charge", {});
  await done;
  expect(runs).toEqual(["a", "b", "scoped"]);
});

test("a job whose result cannot be stored is a dead letter at once, and a replay does not repeat the effect", async () => {
  const jobs = await connected();
  let runs = 0;
  const dead = eventOf(jobs, "settled");
  await works(jobs, (job) =>
    job.once("big", () => {
      runs += 1;
      return "x".repeat(70_000);
    }),
  );
  await jobs.enqueue("charge", {});
  const reason = { code: "DEAD_LETTERED", message: expect.stringMatching(/has run.*70002 bytes.*return a small JSON/) };
  expect(await dead).toMatchObject({ outcome: "dead", attempt: 1, reason });
  const again = eventOf(jobs, "settled");
  await jobs.inspector?.replay();
  expect(await again).toMatchObject({ outcome: "dead", attempt: 1, reason });
  expect(runs).toBe(1);
});

test("while the ledger is away and nothing has run, the job is released and spends no attempt", async () => {
  let isAway = true;
  const open = memoryWith((backend) => {
    const { ledger } = backend as LedgerBackend;
    const read: typeof ledger.read = async (keys) => {
      if (isAway && keys.some((key) => key.startsWith("once/"))) throw new Error("connection refused");
      return ledger.read(keys);
    };
    return { ledger: { ...ledger, read } } as object;
  });
  const jobs = await connected(open);
  let runs = 0;
  const released = eventOf(jobs, "settled");
  await works(jobs, (job) => job.once("charge", () => ++runs));
  await jobs.enqueue("charge", {});
  const { delayMs, ...event } = await released;
  const message = expect.stringMatching(/once\("charge"\) has run could not be looked up: .*connection refused/);
  expect(event).toMatchObject({ outcome: "release", attempt: 1, reason: { code: "RETRY_LATER", message } });
  expect(delayMs).toBeGreaterThanOrEqual(2_000);
  isAway = false;
  expect(await eventOf(jobs, "settled")).toMatchObject({ outcome: "completed", attempt: 1 });
  expect(runs).toBe(1);
});

test.each([
  [["", () => 1], /key of once is ""/],
  [["a".repeat(256), () => 1], /1 to 255 characters/],
  [["a", 7], /pass the function/],
  [["a", () => 1, { scope: "" }], /scope of once/],
  [["a", () => 1, { keep: 0 }], /keep of once\("a"\) is 0/],
  [["a", () => 1, { keep: "soon" }], /keep of once/],
  [["a", () => 1, { in: undefined }], /`in` of once is undefined/],
  [["a", () => 1, { inn: {} }], /did you mean "in"/],
])("once with wrong arguments is refused and runs nothing: %j", async (args, message) => {
  const jobs = await connected();
  let refusal: unknown;
  const done = eventOf(jobs, "settled");
  await works(jobs, async (job) => {
    refusal = await job.once(...(args as Parameters<JobContext["once"]>)).catch((error: unknown) => error);
  });
  await jobs.enqueue("charge", {});
  await done;
  expect(refusal).toMatchObject({ code: "CONFIG_INVALID", message });
});

test("without a ledger, and with a transaction where there is none, once says what to do", async () => {
  const jobs = await connected(memoryWith(() => ({ ledger: null }) as never));
  const refusals: unknown[] = [];
  const done = eventOf(jobs, "settled");
  await works(jobs, async (job) => {
    refusals.push(await job.once("a", () => 1).catch((error: unknown) => error));
    refusals.push(await job.once("a", () => 1, { in: {} }).catch((error: unknown) => error));
  });
  await jobs.enqueue("charge", {});
  await done;
  expect(refusals).toMatchObject([{ code: "CAPABILITY_MISSING" }, { code: "CAPABILITY_MISSING" }]);
});

test("the reservation of a process that died lapses, and the effect runs again", async () => {
  const factory = memoryBackend();
  const short = async () => {
    const backend = await factory();
    const { ledger } = backend as LedgerBackend;
    const commit: typeof ledger.commit = (changes) =>
      ledger.commit(changes.map((one) => (one.expiresInMs === 30_000 ? { ...one, expiresInMs: 100 } : one)));
    return { ...backend, ledger: { ...ledger, commit } };
  };
  const jobs = await connected(short);
  let runs = 0;
  const done = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  await works(jobs, async (job) => {
    // The reservation of another process, which is not renewed.
    const backend = await short();
    if (runs === 0) {
      const key = `once/${job.id}/charge`;
      const value = JSON.stringify({ state: "reserved", by: "a process that died" });
      await backend.ledger.commit([{ key, ifVersion: "absent", value, expiresInMs: 100 }]);
    }
    await job.once("charge", () => void (runs += 1));
  });
  await jobs.enqueue("charge", {});
  await done;
  expect(runs).toBe(1);
});

test.each([
  ["the ledger is away", false],
  ["the ledger stores it and the response is lost", true],
])("the effect is not repeated where %s when its result is to be stored", async (_, isStored) => {
  let failures = 2;
  const open = memoryWith((backend) => {
    const { ledger } = backend as LedgerBackend;
    const commit: typeof ledger.commit = async (changes) => {
      const fails = changes.some(({ value }) => value?.includes('"done"')) && failures-- > 0;
      const made = fails && !isStored ? null : await ledger.commit(changes);
      if (fails || made === null) throw new Error("connection reset");
      return made;
    };
    return { ledger: { ...ledger, commit } } as object;
  });
  const jobs = await connected(open);
  let effects = 0;
  const settled = eventOf(jobs, "settled");
  await works(jobs, (job) => job.once("charge", () => ++effects));
  await jobs.enqueue("charge", {});
  expect(await settled).toMatchObject({ outcome: "completed" });
  expect(effects).toBe(1);
});
