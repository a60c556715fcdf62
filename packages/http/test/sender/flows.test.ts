import { createServer } from "node:http";
import { connect, defineJob, newSecret } from "@waybill/core";
import type { LedgerBackend } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { createReceiver, sendOverHttp } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { listening } from "../support/sending-worker.ts";

const keys = newSecret();
let ran: string[] = [];
beforeEach(() => void (ran = []));

const step = defineJob({
  type: "step.run",
  retry: { maxAttempts: 1 },
  handler(name) {
    ran.push(String(name));
    if (name === "dies") throw new Error("no disk");
  },
});
/** Reads the results of the members before it, as a worker's handler may. */
const reads = defineJob({
  type: "step.reads",
  retry: { maxAttempts: 1 },
  handler: async (_, job) => {
    ran.push(`reads, ${job.flow === null ? "no flow" : "a flow"}`);
    await job.results();
  },
});

/** A queue whose jobs a worker pushes to a receiver. */
async function pushed(target: Parameters<typeof connect>[0] = "memory:") {
  const receiver = createReceiver({ jobs: [step, reads], keys, log: "off" });
  const to = `${await listening(createServer(nodeListener(receiver)))}/work`;
  const jobs = await connect(target, { log: "off" });
  onTestFinished(() => jobs.close());
  const start = () => jobs.worker({ jobs: [sendOverHttp({ to, keys })], queues: ["default"] }).start();
  const ended = new Promise<string>((resolve) => jobs.events.on("flow_ended", ({ state }) => void resolve(state)));
  return { jobs, start, ended };
}

test("members that are pushed over HTTP fan in: the last one is sent once all before it have completed", async () => {
  const { jobs, start, ended } = await pushed();
  const flow = jobs.flow("album");
  const before = ["a", "b", "c"].map((name) => flow.add(step, name));
  flow.add(step, "last", { after: before });
  await flow.start();
  await start();
  expect(await ended).toBe("completed");
  expect([ran.slice(0, 3).toSorted(), ran.slice(3)]).toEqual([["a", "b", "c"], ["last"]]);
});

test("a member that dies at a receiver ends what needs it, what takes any end is sent, and its replay resumes the flow", async () => {
  const { jobs, start, ended } = await pushed();
  const flow = jobs.flow("album");
  const dying = flow.add(step, "dies");
  flow.add(step, "never", { after: dying });
  flow.add(step, "any", { after: dying, when: "ended" });
  const { id } = await flow.start();
  await start();
  expect(await ended).toBe("failed");
  expect(ran).toEqual(["dies", "any"]);
  const members = (await jobs.flows.get(id))?.members.map(({ state, reason }) => reason?.code ?? state);
  expect(members).toEqual(["ATTEMPTS_EXHAUSTED", "DEPENDENCY_DEAD", "completed"]);
});

test("a handler at a receiver has no flow: it can read no results, and its error says that a worker can", async () => {
  const { jobs, start, ended } = await pushed();
  const flow = jobs.flow("album");
  flow.add(reads, {}, { after: flow.add(step, "a") });
  const { id } = await flow.start();
  await start();
  expect(await ended).toBe("failed");
  expect(ran).toEqual(["a", "reads, no flow"]);
  const [, last] = (await jobs.flows.get(id))?.members ?? [];
  expect(last?.reason?.message).toMatch(/results.*ledger/);
});

test("a sender without a ledger sends no member: it is released, and the reason names the ledger", async () => {
  const flows = await pushed();
  const flow = flows.jobs.flow("album");
  flow.add(step, "a");
  await flow.start();
  const [job] = (await flows.jobs.list()).jobs;
  const { ledger: _ledger, ...rest } = (await memoryBackend()()) as LedgerBackend;
  const { jobs, start } = await pushed(async () => rest);
  const released = new Promise<unknown>((resolve) => jobs.events.on("settled", resolve));
  await jobs.enqueueBody(job?.body ?? "");
  await start();
  expect(await released).toMatchObject({ outcome: "release", attempt: 1, reason: { code: "LEDGER_MISSING" } });
  expect(ran).toEqual([]);
});
