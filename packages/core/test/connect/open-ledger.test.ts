import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { connect, defineJob, type Jobs, WaybillError } from "../../src/index.ts";
import type { Backend, BackendFactory } from "../../src/exports/backend.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { connected, eventOf, settledCount } from "../helpers/connected.ts";

const noop = defineJob({ type: "noop", queue: "mailers", handler() {} });

/** A backend that has neither a worker registry nor a ledger, as SQS and RabbitMQ. */
function bare(name = "sqs", open = memoryBackend({ address: `${name}:bare` })): BackendFactory {
  return async () => {
    const { workerRegistry: _registry, ledger: _ledger, ...backend } = await open();
    return { ...backend, name };
  };
}

const unavailable = (): WaybillError => new WaybillError("BACKEND_UNAVAILABLE", "connect ECONNREFUSED");

/** A store whose factory fails while `isAway`; its open ledger fails then as well. */
function moody() {
  const open = memoryBackend({ address: "memory:lender" });
  const state = { isAway: false, isReadOnly: false, opens: 0, closes: 0 };
  const factory: BackendFactory = async () => {
    state.opens += 1;
    if (state.isAway) throw unavailable();
    const backend = await open();
    const commit: typeof backend.ledger.commit = (changes) =>
      state.isAway || state.isReadOnly ? Promise.reject(unavailable()) : backend.ledger.commit(changes);
    const list: typeof backend.ledger.list = (range) =>
      state.isAway ? Promise.reject(unavailable()) : backend.ledger.list(range);
    const close = async () => {
      state.closes += 1;
      await backend.close();
    };
    return { ...backend, ledger: { ...backend.ledger, commit, list }, close };
  };
  return { state, factory };
}

function heard(jobs: Jobs): string[] {
  const names: string[] = [];
  jobs.events.on("ledger_unavailable", ({ address, message }) => names.push(`away ${address}: ${message}`));
  jobs.events.on("ledger_available", ({ address }) => names.push(`back ${address}`));
  return names;
}

const started = async (jobs: Jobs) => {
  const worker = jobs.worker({ jobs: [noop], heartbeat: 100 });
  await worker.start();
  return worker;
};

describe("a worker registry that is kept in a borrowed ledger", () => {
  test("lists the workers of every connection that borrows it, and those of no other backend", async () => {
    const ledger = memoryBackend();
    const [one, two] = [await connected(bare(), { ledger }), await connected(bare(), { ledger })];
    const other = await connected(bare("rabbitmq"), { ledger });
    const worker = await started(one);
    await expect.poll(() => two.workers(), { interval: 10 }).toHaveLength(1);
    expect(await two.workers()).toMatchObject([
      { id: worker.id, queues: ["mailers"], heardMs: expect.any(Number), heartbeatMs: 100 },
    ]);
    expect((await two.workers())[0]?.heardMs).toBeLessThan(5_000);
    expect(await other.workers()).toEqual([]);
    await worker.stop();
    expect(await two.workers()).toEqual([]);
  });

  test("forgets a worker that has missed three heartbeats", async () => {
    const lender = moody();
    const jobs = await connected(bare(), { ledger: lender.factory });
    await started(jobs);
    await expect.poll(() => jobs.workers(), { interval: 10 }).toHaveLength(1);
    lender.state.isReadOnly = true;
    await expect.poll(() => jobs.workers(), { interval: 10 }).toEqual([]);
    lender.state.isReadOnly = false;
    // Announced again by the next heartbeat.
    await expect.poll(() => jobs.workers(), { interval: 10 }).toHaveLength(1);
  });
});

describe("a ledger that is away", () => {
  test("at start stops no job that needs none; its calls name it, and one event says so until it is there", async () => {
    const lender = moody();
    lender.state.isAway = true;
    const jobs = await connected(bare(), { ledger: lender.factory });
    const names = heard(jobs);
    const back = eventOf(jobs, "ledger_available");
    const settled = settledCount(jobs, 1);
    await started(jobs);
    await jobs.enqueue(noop, {});
    await settled;
    await expect(jobs.workers()).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: "the ledger at the factory that was given is unavailable: connect ECONNREFUSED",
    });
    lender.state.isAway = false;
    await back;
    await expect.poll(() => jobs.workers(), { interval: 10 }).toHaveLength(1);
    expect(names).toEqual(["back memory:lender"]);
    expect(lender.state.opens).toBeGreaterThan(1);
  });

  test("later is reported once, and its return once", async () => {
    const lender = moody();
    const jobs = await connected(bare(), { ledger: lender.factory });
    const names = heard(jobs);
    await started(jobs);
    await expect.poll(() => jobs.workers(), { interval: 10 }).toHaveLength(1);
    lender.state.isAway = true;
    await expect.poll(() => names.length, { interval: 10 }).toBe(1);
    await expect(jobs.workers()).rejects.toMatchObject({
      message: "the ledger at memory:lender is unavailable: connect ECONNREFUSED",
    });
    const settled = settledCount(jobs, 1);
    await jobs.enqueue(noop, {});
    await settled;
    lender.state.isAway = false;
    await expect.poll(() => names.length, { interval: 10 }).toBe(2);
    expect(names).toEqual(["away memory:lender: connect ECONNREFUSED", "back memory:lender"]);
  });

  test("for its writes alone is reported once, however often it can be read", async () => {
    const lender = moody();
    const jobs = await connected(bare(), { ledger: lender.factory });
    const names = heard(jobs);
    await started(jobs);
    lender.state.isReadOnly = true;
    await expect.poll(() => names.length, { interval: 10 }).toBe(1);
    for (let at = 0; at < 50; at++) await Promise.all([jobs.workers(), sleep(10)]);
    expect(names).toEqual(["away memory:lender: connect ECONNREFUSED"]);
    lender.state.isReadOnly = false;
    await expect.poll(() => names.length, { interval: 10 }).toBe(2);
  });

  test("at start and turns out to have no ledger is reported again, and each call says so", async () => {
    let opens = 0;
    const lender: BackendFactory = async (context) => {
      opens += 1;
      if (opens === 1) throw unavailable();
      return bare("rabbitmq")(context);
    };
    const jobs = await connected(bare(), { ledger: lender });
    const said = eventOf(jobs, "ledger_unavailable");
    expect(await said).toMatchObject({ message: expect.stringContaining("rabbitmq:bare has no ledger") });
    await expect(jobs.workers()).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
    await sleep(1_300);
    expect(opens).toBe(2);
  });

  test("and is not opened any more once the connection is closed", async () => {
    const lender = moody();
    lender.state.isAway = true;
    const jobs = await connect(bare(), { ledger: lender.factory, log: "off" });
    await jobs.close();
    lender.state.isAway = false;
    await sleep(1_300);
    expect(lender.state.opens).toBe(1);
  });
});

test("closing the connection closes the backend that lends its ledger", async () => {
  const lender = moody();
  const jobs = await connect(bare(), { ledger: lender.factory, log: "off" });
  await jobs.close();
  expect(lender.state.closes).toBe(1);
});

test("a backend that has a ledger uses the borrowed one instead where it is given", async () => {
  const lender = memoryBackend();
  const own = memoryBackend();
  const withoutRegistry: BackendFactory = async () => {
    const { workerRegistry: _registry, ...backend } = await own();
    return backend;
  };
  const [one, two] = [await connected(withoutRegistry, { ledger: lender }), await connected(withoutRegistry)];
  await started(one);
  await expect.poll(() => one.workers(), { interval: 10 }).toHaveLength(1);
  expect(await two.workers()).toEqual([]);
});

describe("connect refuses", () => {
  test("a backend that has no ledger, names those that have one, and leaves nothing open", async () => {
    const closed: string[] = [];
    const closing =
      (name: string, open: BackendFactory): BackendFactory =>
      async (context) => {
        const backend: Backend = await open(context);
        return { ...backend, close: async () => void closed.push(name) };
      };
    const refused = connect(closing("main", bare()), { ledger: closing("lender", bare("rabbitmq")), log: "off" });
    await expect(refused).rejects.toMatchObject({
      code: "CAPABILITY_MISSING",
      message: expect.stringMatching(/rabbitmq:bare has no ledger.*"postgres:", "redis:" or "sqlite:"/),
    });
    expect(closed.toSorted()).toEqual(["lender", "main"]);
  });

  test.each<[string, string | BackendFactory, object, RegExp]>([
    ["a ledger that is no URL", bare(), { ledger: "nowhere" }, /no backend answers for "/],
    ["a ledger that is a number", bare(), { ledger: 5 }, /ledger of the connection is 5: give a URL/],
    ["two ledgers", "memory:?ledger=memory%3A", { ledger: "memory:" }, /given in the URL and in the options/],
    ["two in a URL", "memory:?ledger=memory:&ledger=memory:", {}, /names two ledgers/],
    ["an empty one", "memory:?ledger=", {}, /has an empty ledger/],
    ["one that is not encoded", "memory:?ledger=redis://h?prefix=a", {}, /is not encoded; write encodeURIComponent/],
    ["one encoded wrongly", "memory:?ledger=redis%3A%2", {}, /is not encoded correctly/],
  ])("%s", async (_what, target, options, message) => {
    await expect(connect(target, { log: "off", ...options })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message,
    });
  });
});

test("no error shows the password of a ledger in the URL", async () => {
  const ledger = encodeURIComponent("postgres://user:hush@h/db?schema=a");
  for (const url of [
    `sqs://r/p?ledger=${ledger}&ledger=${ledger}`,
    `sqs://r/p?ledger=x&ledger=postgres://user:hush@h`,
  ]) {
    const error: unknown = await connect(url, { log: "off" }).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain("names two ledgers");
    expect(String(error)).not.toContain("hush");
  }
});

test("the ledger in a URL is opened, and the backend does not see the parameter", async () => {
  const jobs = await connected("memory:?ledger=memory%3A");
  await jobs.enqueue(noop, {});
  expect(jobs.backend.address).toBe("memory:");
});
