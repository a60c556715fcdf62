import { defineJob } from "@waybill/core";
import { expect } from "vitest";
import type { Situation } from "./situation.ts";
import { endless, until } from "./stage.ts";

/** Situations of jobs that a limit holds back. */
export const limitedSituations: readonly Situation[] = [
  {
    name: "a job whose concurrency key is full",
    code: "KEY_FULL",
    async make({ jobs, queue, worker, ended }) {
      const { handler, started } = endless({ ended });
      const sync = defineJob<{ account: string }>({
        type: "crm.sync",
        limits: [{ name: `crm.${queue}`, key: ({ account }) => account, concurrency: 1 }],
        handler,
      });
      const { id: holding } = await worker({ jobs: [sync], concurrency: 3 });
      const first = await jobs.enqueue(sync, { account: "acme" }, { queue });
      await started;
      const { id } = await jobs.enqueue(sync, { account: "acme" }, { queue });
      const slots = [{ id: first.id, worker: holding, since: expect.any(Number) }];
      return {
        job: id,
        facts: { queue, limit: `crm.${queue}`, key: "acme", jobs: slots },
        says: ["acme", first.id, holding],
      };
    },
  },
  {
    name: "a job whose queue runs as many as it may",
    code: "QUEUE_FULL",
    async make({ jobs, queue, worker, ended }) {
      const { handler, started } = endless({ ended });
      const slow = defineJob({ type: "slow", handler });
      const { id: holding } = await worker({ jobs: [slow], concurrency: 3, queues: { [queue]: { concurrency: 1 } } });
      const first = await jobs.enqueue(slow, {}, { queue });
      await started;
      const { id } = await jobs.enqueue(slow, {}, { queue });
      const slots = [{ id: first.id, worker: holding, since: expect.any(Number) }];
      return { job: id, facts: { queue, concurrency: 1, leased: 1, jobs: slots }, says: [queue, first.id] };
    },
  },
  {
    name: "a job over the rate of its limit",
    code: "RATE_LIMITED",
    async make({ jobs, queue, worker }) {
      const call = defineJob({ type: "api.call", limits: [{ name: `api.${queue}`, rate: "1/1h" }], handler() {} });
      const { id: releasing } = await worker({ jobs: [call] });
      for (let at = 0; at < 2; at += 1) await jobs.enqueue(call, {}, { queue });
      // A worker that is late loses its turn, so either may be the one that waits.
      const id = await until("one waits for its turn", async () => {
        const returned = (await jobs.workers()).flatMap((one) => one.returned ?? []);
        return returned.find((job) => job.queue === queue && job.code === "RATE_LIMITED")?.id;
      });
      const facts = { queue, turnAt: expect.any(Number), worker: releasing };
      return { job: id, facts, says: [`api.${queue}`, releasing, "in "] };
    },
  },
];
