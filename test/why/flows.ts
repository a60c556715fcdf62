import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DeadLetter, defineJob, derivedId, handlerFor } from "@waybill/core";
import { expect } from "vitest";
import type { Situation } from "./situation.ts";
import { endless, type Stage, until } from "./stage.ts";

const step = defineJob({ type: "step" });
const fails = (): void => {
  throw new DeadLetter("no disk");
};

/** Starts a flow of one member that is delayed, and another one after it. */
async function waitingFlow({ jobs, queue }: Stage): Promise<{ id: string; first: string; second: string }> {
  const flow = jobs.flow("album");
  const first = flow.add(step, {}, { queue, runAt: new Date(Date.now() + 600_000) });
  const second = flow.add(step, {}, { queue, after: first });
  const { id } = await flow.start();
  return { id, first: first.id, second: second.id };
}

/** Starts a flow in a process that kills itself before all of it is stored, or enqueued. Returns the ids of its members, the last one last. */
async function killedStart(
  { store, queue }: Stage,
  dies: "store" | "enqueue",
): Promise<{ id: string; members: string[] }> {
  const id = crypto.randomUUID();
  const flags = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning"];
  const program = join(import.meta.dirname, "../children/starts-flow.ts");
  const child = spawn(process.execPath, [...flags, program, store.url ?? "", dies, queue, id], { stdio: "inherit" });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  expect([code, signal]).toEqual([null, "SIGKILL"]);
  const members = Array.from({ length: 61 }, (_, at) => derivedId(["waybill.flow", id, String(at).padStart(6, "0")]));
  return { id, members };
}

const inMemory = "the store dies with its process";

/** Situations of jobs that are members of flows. */
export const flowSituations: readonly Situation[] = [
  {
    name: "a member of a flow that waits for others",
    code: "FLOW_WAITING",
    async make(stage) {
      const { id, first, second } = await waitingFlow(stage);
      const jobs = [{ id: first, type: "step", state: "enqueued", code: null }];
      const facts = { flow: id, name: "album", queue: stage.queue, when: "completed", count: 1, jobs };
      return { job: second, facts, says: ["1 member", first, "all of them have completed"] };
    },
  },
  {
    name: "a member of a flow before which another has died",
    code: "DEPENDENCY_DEAD",
    async make(stage) {
      const { jobs, queue } = stage;
      await stage.worker({ jobs: [handlerFor(step, fails)] });
      const flow = jobs.flow("album");
      const first = flow.add(step, {}, { queue });
      const second = flow.add(step, {}, { queue, after: first });
      const third = flow.add(step, {}, { queue, after: second });
      const { id } = await flow.start();
      await until("the flow has ended", async () => (await jobs.flows.get(id))?.state === "failed");
      const because = [{ id: first.id, type: "step", state: "dead", code: "DEAD_LETTERED" }];
      return { job: third.id, facts: { flow: id, because }, says: [first.id, "before it has not completed"] };
    },
  },
  {
    name: "a member of a flow that a dead member has stopped",
    code: "DEPENDENCY_DEAD",
    async make(stage) {
      const { jobs, queue } = stage;
      await stage.worker({ jobs: [handlerFor(step, fails)] });
      const flow = jobs.flow("album", { onDead: "stop" });
      const dying = flow.add(step, {}, { queue });
      const delayed = flow.add(step, {}, { queue, runAt: new Date(Date.now() + 600_000) });
      const { id } = await flow.start();
      await until("the flow is stopped", async () => (await jobs.flows.get(id))?.state === "stopped");
      const because = [{ id: dying.id, type: "step", state: "dead", code: "DEAD_LETTERED" }];
      return { job: delayed.id, facts: { flow: id, because }, says: [dying.id, "stops the flow"] };
    },
  },
  {
    name: "a member of a flow that was cancelled",
    code: "FLOW_CANCELLED",
    async make(stage) {
      const { id, second } = await waitingFlow(stage);
      await stage.jobs.flows.cancel(id);
      return { job: second, facts: { flow: id, name: "album" }, says: ["was cancelled"] };
    },
  },
  {
    name: "a first member of a flow that was cancelled",
    code: "FLOW_CANCELLED",
    async make(stage) {
      const { id, first } = await waitingFlow(stage);
      await stage.jobs.flows.cancel(id);
      return { job: first, facts: { flow: id }, says: [stage.isBroker ? "may still have it" : "never will"] };
    },
  },
  {
    name: "a member of a flow that has completed",
    code: "COMPLETED",
    async make(stage) {
      const { jobs, queue, worker } = stage;
      const running = await worker({ jobs: [handlerFor(step, () => undefined)] });
      const flow = jobs.flow("album");
      const { id } = flow.add(step, {}, { queue });
      const ended = new Promise<void>(
        (resolve) => void jobs.events.on("settled", (event) => void (event.id === id && resolve())),
      );
      await flow.start();
      await ended;
      await running.stop();
      return { job: id, facts: { type: "step", queue }, says: ["has completed"] };
    },
  },
  {
    name: "a member of a flow whose dead letter was dropped",
    code: "DROPPED",
    async make(stage) {
      const { jobs, queue, worker } = stage;
      const running = await worker({ jobs: [handlerFor(step, fails)] });
      const flow = jobs.flow("album");
      const { id } = flow.add(step, {}, { queue });
      const ended = new Promise<void>(
        (resolve) => void jobs.events.on("settled", (event) => void (event.id === id && resolve())),
      );
      await flow.start();
      await ended;
      await running.stop();
      await until("it is dropped", async () => (await jobs.inspector?.drop({ ids: [id] })) === 1);
      return {
        job: id,
        facts: { reason: { code: "DEAD_LETTERED", message: "no disk" } },
        says: ["no disk", "dropped"],
      };
    },
  },
  {
    name: "a member of a flow whose start was killed before all was enqueued",
    code: "FLOW_CONTINUES",
    unavailable: { memory: inMemory },
    async make(stage) {
      const { id, members } = await killedStart(stage, "enqueue");
      const facts = { flow: id, name: "album", by: "start", queue: stage.queue };
      return { job: members[59] ?? "", facts, says: ["was killed", "within about ten seconds"] };
    },
  },
  {
    name: "a member of a flow whose start was killed before all was stored",
    code: "FLOW_STORING",
    unavailable: {
      memory: inMemory,
      rabbitmq: "the ledger is that of another backend, with which it is made",
      sqs: "the ledger is that of another backend, with which it is made",
    },
    async make(stage) {
      const { id, members } = await killedStart(stage, "store");
      return { job: members[0] ?? "", facts: { flow: id, name: "album" }, says: ["not all stored"] };
    },
  },
  {
    name: "a running member of a flow",
    code: "LEASED",
    async make(stage) {
      const { handler, started } = endless(stage);
      const { id: worker } = await stage.worker({ jobs: [handlerFor(step, handler)] });
      const flow = stage.jobs.flow("album");
      const { id } = flow.add(step, {}, { queue: stage.queue });
      await flow.start();
      await started;
      return { job: id, facts: { worker, since: expect.any(Number) }, says: [worker] };
    },
  },
];
