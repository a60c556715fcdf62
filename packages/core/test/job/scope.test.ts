import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { currentJob, defineJob } from "../../src/index.ts";
import { connected, settledCount } from "../helpers/connected.ts";

const theirs = new AsyncLocalStorage<string>();

for (const concurrency of [1, 8]) {
  test(`R1: what one job sets by enterWith is gone in the next, at concurrency ${concurrency}`, async () => {
    const seen: (string | undefined)[] = [];
    const leaky = defineJob({
      type: "leaky",
      async handler(payload) {
        seen.push(theirs.getStore());
        const { n } = payload as { n: number };
        if (n === 1 || n === 3) theirs.enterWith(`left by job ${n}`);
        if (n === 2) await sleep(5);
        else await Promise.resolve();
      },
    });
    const jobs = await connected();
    for (let n = 1; n <= 5; n++) await jobs.enqueue("leaky", { n });
    const all = settledCount(jobs, 5);
    await jobs.worker({ jobs: [leaky], concurrency }).start();
    await all;
    expect(seen).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  test(`R1: a worker started inside a request's scope does not hand that scope to its jobs, at concurrency ${concurrency}`, async () => {
    const seen: (string | undefined)[] = [];
    const job = defineJob({ type: "clean", handler: () => void seen.push(theirs.getStore()) });
    const jobs = await connected();
    const all = settledCount(jobs, 2);
    await theirs.run("a request", async () => {
      await jobs.worker({ jobs: [job], concurrency }).start();
      await jobs.enqueue(job, {});
      await jobs.enqueue(job, {});
    });
    await all;
    expect(seen).toEqual([undefined, undefined]);
  });
}

test("currentJob() is the job of the handler it is called in, however deep, and of no other", async () => {
  const pairs: [string, string][] = [];
  const deep = async (): Promise<string> => {
    await sleep(Math.random() * 5);
    return currentJob().id;
  };
  const job = defineJob({ type: "deep", handler: async (_, own) => void pairs.push([own.id, await deep()]) });
  const jobs = await connected();
  const all = settledCount(jobs, 20);
  await jobs.worker({ jobs: [job], concurrency: 8 }).start();
  for (let n = 0; n < 20; n++) await jobs.enqueue(job, {});
  await all;
  expect(pairs).toHaveLength(20);
  for (const [own, current] of pairs) expect(current).toBe(own);
});

test("currentJob() outside a handler says so", () => {
  expect(() => currentJob()).toThrow(/outside a handler/);
});
