import { defineJob, type Jobs } from "@waybill/core";
import { type Backend, type Lease, ledgerOf } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { openConnection } from "../../../src/connect/connect.ts";
import { checkChange } from "../../../src/features/flows/flow-records.ts";
import { moveClock } from "../../../src/time/clock.ts";
import { eventOf } from "../../helpers/connected.ts";

let ran: string[] = [];
const restore: (() => void)[] = [];

afterEach(() => {
  ran = [];
  for (const one of restore.splice(0).toReversed()) one();
});

const step = defineJob({ type: "step.run", handler: (name) => void ran.push(String(name)) });

interface Checked {
  readonly jobs: Jobs;
  readonly backend: Backend;
  /** Leases the jobs that are ready, as another program does. */
  taken(queue?: string): Promise<Lease[]>;
  /** What a worker does once the check of the flow is due. */
  check(flow: string): Promise<void>;
  states(flow: string): Promise<unknown>;
}

/** `isBroker`: jobs cannot be looked up, only dead letters. */
async function checked(isBroker: boolean): Promise<Checked> {
  const { jobControl: _jobControl, ...broker } = (await memoryBackend()()) as Backend & { jobControl: unknown };
  const backend = isBroker ? broker : { ...broker, jobControl: _jobControl };
  const { jobs, sweepFlows, ledger } = await openConnection(async () => backend, { log: "off" }, false);
  onTestFinished(() => jobs.close());
  expect(ledgerOf(backend)).not.toBeNull();
  const request = { limit: 10, leaseMs: 60_000, waitMs: 0, signal: new AbortController().signal };
  return {
    jobs,
    backend,
    taken: (queue = "default") => backend.lease({ ...request, queue }),
    async check(flow) {
      await ledger?.commit([checkChange(flow, 30_000, 0)]);
      await sweepFlows();
    },
    async states(flow) {
      const found = await jobs.flows.get(flow);
      return [found?.state, ...(found?.members ?? []).map(({ state, reason }) => reason?.code ?? state)];
    },
  };
}

async function started(jobs: Jobs, second = "default"): Promise<string> {
  const flow = jobs.flow("album");
  flow.add(step, "b", { after: flow.add(step, "a"), queue: second });
  return (await flow.start()).id;
}

test("a member whose job another program has removed ends as JOB_LOST, and what needs it with it", async () => {
  const { jobs, backend, taken, check, states } = await checked(false);
  const id = await started(jobs);
  await check(id);
  expect(await states(id)).toEqual(["running", "enqueued", "waiting"]);
  await backend.ack(await taken());
  await check(id);
  expect(await states(id)).toEqual(["failed", "JOB_LOST", "DEPENDENCY_DEAD"]);
});

test("a member that another program has dead-lettered ends with the reason of that, and its replay resumes the flow", async () => {
  for (const isBroker of [false, true]) {
    const { jobs, backend, taken, check, states } = await checked(isBroker);
    const id = await started(jobs);
    const [lease] = await taken();
    await backend.deadLetter(lease as Lease, { code: "WORKER_LOST", message: "100 deliveries" });
    await check(id);
    expect(await states(id)).toEqual(["failed", "WORKER_LOST", "DEPENDENCY_DEAD"]);
    expect(await jobs.inspector?.replay()).toBe(1);
    const ended = eventOf(jobs, "flow_ended");
    await jobs.worker({ jobs: [step] }).start();
    expect(await ended).toMatchObject({ state: "completed" });
    expect(ran.splice(0)).toEqual(["a", "b"]);
  }
});

test("a member that is not in its queue is not lost while the job before it is not settled", async () => {
  const { jobs, backend, taken, check, states } = await checked(false);
  const id = await started(jobs, "second");
  const isEnding = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed");
  const [ack, acked] = [backend.ack, Promise.withResolvers<void>()];
  const ending = Promise.withResolvers<void>();
  Object.assign(backend, {
    ack: async (leases: Lease[]) => {
      ending.resolve();
      await acked.promise;
      return ack(leases);
    },
  });
  const worker = jobs.worker({ jobs: [step] });
  await worker.start();
  await ending.promise;
  // In place of a worker that dies before it enqueues the second one.
  await ack(await taken("second"));
  await check(id);
  expect(await states(id)).toEqual(["running", "completed", "enqueued"]);
  acked.resolve();
  await isEnding;
  await worker.stop();
  await check(id);
  expect(await states(id)).toEqual(["failed", "completed", "JOB_LOST"]);
});

test("where jobs cannot be looked up a member is lost after 14 days, and runs if its job comes after all", async () => {
  const { jobs, check, states } = await checked(true);
  const id = await started(jobs);
  const day = 86_400_000;
  restore.push(moveClock(13.9 * day));
  await check(id);
  expect(await states(id)).toEqual(["running", "enqueued", "waiting"]);
  restore.push(moveClock(0.2 * day));
  await check(id);
  expect(await states(id)).toEqual(["failed", "JOB_LOST", "DEPENDENCY_DEAD"]);
  const ended = eventOf(jobs, "flow_ended");
  await jobs.worker({ jobs: [step] }).start();
  expect(await ended).toMatchObject({ state: "completed" });
  expect(ran).toEqual(["a", "b"]);
});
