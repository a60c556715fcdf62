import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { join } from "node:path";
import { defineJob, handlerFor, type Jobs } from "@waybill/core";
import { expect } from "vitest";
import type { Situation } from "./situation.ts";
import { endless, type Stage, type Store, until } from "./stage.ts";

/** The two jobs whose worker was killed, and their queues. */
interface Killed {
  /** Its lease is long. */
  readonly leased: { readonly id: string; readonly queue: string };
  /** Its lease has ended, or soon will. */
  readonly lost: { readonly id: string; readonly queue: string };
}

const killed = new WeakMap<Store, Promise<Killed>>();

/** Starts a process with two workers, and kills it while each runs a job. Once a store: a process takes long to start. */
export function killedWhileRunning({ store, jobs, queue }: Stage): Promise<Killed> {
  let found = killed.get(store);
  if (found === undefined) killed.set(store, (found = kill(store.url ?? "", jobs, queue)));
  return found;
}

async function kill(url: string, jobs: Jobs, name: string): Promise<Killed> {
  const queues = { leased: `${name}-leased`, lost: `${name}-lost` };
  const { id: leased } = await jobs.enqueue(held, {}, { queue: queues.leased });
  const { id: lost } = await jobs.enqueue(held, {}, { queue: queues.lost });
  const flags = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning"];
  const program = join(import.meta.dirname, "../children/holds-jobs.ts");
  const child = spawn(process.execPath, [...flags, program, url, queues.leased, queues.lost], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), ended.then(() => Promise.reject(new Error("it ended by itself")))]);
  child.kill("SIGKILL");
  await ended;
  return { leased: { id: leased, queue: queues.leased }, lost: { id: lost, queue: queues.lost } };
}

export const held = defineJob({ type: "held" });

const inMemory = "the store dies with its process";

/** Situations of jobs that a worker has, or had. */
export const leasedSituations: readonly Situation[] = [
  {
    name: "a job that a live worker runs",
    code: "LEASED",
    async make({ jobs, queue, worker, isBroker, ended }) {
      const { handler, started } = endless({ ended });
      const before = Date.now();
      const { id: running } = await worker({ jobs: [handlerFor(held, handler)] });
      const { id } = await jobs.enqueue(held, {}, { queue });
      await started;
      await until("its worker has reported it", async () =>
        (await jobs.workers()).some((one) => one.jobs?.some((job) => job.id === id)),
      );
      const facts = { type: "held", queue, worker: running, host: hostname(), attempt: 1, running: true };
      const [reported] = (await jobs.workers()).flatMap(({ jobs: has = [] }) => has.filter((job) => job.id === id));
      expect(reported?.since).toBeGreaterThanOrEqual(before - 1_000);
      const lease = isBroker ? null : expect.any(Number);
      return { job: id, facts: { ...facts, since: reported?.since, until: lease }, says: [running, hostname()] };
    },
  },
  {
    name: "a job whose worker was killed, before its lease has ended",
    code: "WORKER_GONE",
    unavailable: { memory: inMemory },
    async make(stage) {
      const { id, queue } = (await killedWhileRunning(stage)).leased;
      return { job: id, facts: { queue, attempt: 1 }, says: ["no live worker has it"] };
    },
  },
  {
    name: "a running job that was cancelled",
    code: "CANCEL_REQUESTED",
    async make({ jobs, queue, worker, ended }) {
      const { handler, started } = endless({ ended });
      const shutdown = { drain: 0, abort: 600_000 };
      const { id: running } = await worker({ jobs: [handlerFor(held, handler)], shutdown });
      const { id } = await jobs.enqueue(held, {}, { queue });
      await started;
      await jobs.cancel(id);
      const facts = { queue, type: "held", at: expect.any(Number), worker: running };
      return { job: id, facts, says: [running, "cancelled"] };
    },
  },
];
