import { defineJob, type Jobs, WaybillError } from "@waybill/core";
import { type Backend, type LedgerBackend, ledgerOf } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { connected, eventOf } from "../../helpers/connected.ts";

/** What happens at the next calls: true for a ledger that is away. */
let isAway = false;
/** Called before each ack. Throws in place of a process that dies there. */
let beforeAck = (): void => undefined;
/** Likewise, before each dead letter. */
let beforeDeadLetter = (): void => undefined;
let ran: string[] = [];

afterEach(() => {
  isAway = false;
  beforeAck = () => undefined;
  beforeDeadLetter = () => undefined;
  ran = [];
});

const step = defineJob({
  type: "step.run",
  payload: z.string(),
  result: z.string(),
  handler: async (name, job) => {
    await job.results();
    ran.push(name);
    return name;
  },
});

async function withFaults(): Promise<Jobs> {
  const backend: Backend = await memoryBackend()();
  const own = ledgerOf(backend);
  if (own === null) throw new Error("memory has a ledger");
  const call = <T>(work: () => Promise<T>): Promise<T> =>
    isAway ? Promise.reject(new Error("the ledger is away")) : work();
  const faulty: LedgerBackend = {
    ...backend,
    ledger: {
      read: (keys) => call(() => own.read(keys)),
      commit: (changes) => call(() => own.commit(changes)),
      list: (range) => call(() => own.list(range)),
      due: (range) => call(() => own.due(range)),
    },
    async deadLetter(lease, reason) {
      beforeDeadLetter();
      return backend.deadLetter(lease, reason);
    },
    async ack(leases) {
      beforeAck();
      return backend.ack(leases);
    },
  };
  return connected(async () => faulty);
}

test("while the ledger is away a member waits without a run and without an attempt, and the event unavailable says so", async () => {
  const jobs = await withFaults();
  const flow = jobs.flow("album");
  flow.add(step, "a");
  await flow.start();
  isAway = true;
  const unavailable = eventOf(jobs, "unavailable");
  const released = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [step] }).start();
  expect(await released).toMatchObject({ outcome: "release", attempt: 1, reason: { code: "LEDGER_UNAVAILABLE" } });
  expect((await unavailable).message).toContain("the ledger is away");
  expect(ran).toEqual([]);
});

test("a worker that dies between the end of a member and its ack leaves one that is settled without a second run", async () => {
  const jobs = await withFaults();
  const flow = jobs.flow("album");
  const a = flow.add(step, "a");
  flow.add(step, "b", { after: a });
  const { id } = await flow.start();
  let deaths = 0;
  beforeAck = () => {
    if (deaths++ < 1) throw new WaybillError("LEASE_LOST", "the process died");
  };
  const ended = eventOf(jobs, "flow_ended");
  await jobs.worker({ jobs: [step], lease: "1s" }).start();
  expect(await ended).toMatchObject({ flow: id, state: "completed" });
  expect([deaths > 0, ran]).toEqual([true, ["a", "b"]]);
});

test("a member that has died, whose worker died before the settle, is a dead letter without a second run", async () => {
  const dying = defineJob({
    type: "step.die",
    retry: { maxAttempts: 1 },
    handler: () => {
      ran.push("died");
      throw new Error("it fails");
    },
  });
  const jobs = await withFaults();
  const flow = jobs.flow("album");
  flow.add(step, "b", { after: flow.add(dying, 1), when: "ended" });
  await flow.start();
  let deaths = 0;
  beforeDeadLetter = () => {
    if (deaths++ < 1) throw new WaybillError("LEASE_LOST", "the process died");
  };
  const dead = eventOf(jobs, "settled", ({ outcome }) => outcome === "dead");
  await jobs.worker({ jobs: [step, dying], lease: "1s" }).start();
  expect(await dead).toMatchObject({ kept: true, lost: 1, reason: { code: "ATTEMPTS_EXHAUSTED" } });
  expect([deaths > 0, ran.filter((name) => name === "died")]).toEqual([true, ["died"]]);
});
