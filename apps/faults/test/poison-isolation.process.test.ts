import { join } from "node:path";
import { connect } from "@waybill/core";
import { expect, test } from "vitest";
import { targets } from "../src/backends.ts";
import { kill, nap } from "../src/jobs.ts";
import { eventually, type Running } from "../src/process.ts";
import { freshStore, started } from "./stores.ts";

const MAX_LOST = 6;

// Core decides which jobs run together, on every backend that counts lost deliveries. One of them is enough.
const [target] = targets;
if (target === undefined) throw new Error("no backend to lose workers on");

test("a job that kills its workers is dead-lettered alone: those that ran beside it each time are completed", async () => {
  const store = await freshStore(target);
  const record = join(store.folder, "record");
  const jobs = await connect(store.url, { log: "off" });
  const innocent = async (): Promise<string> => (await jobs.enqueue(nap, {})).id;
  const before = await Promise.all([innocent(), innocent(), innocent()]);
  const { id: killer } = await jobs.enqueue(kill, {});
  const behind = await Promise.all([innocent(), innocent(), innocent()]);

  const settings = { queues: ["default"], lease: 1_000, concurrency: 7, ms: 300, maxLost: MAX_LOST };
  const ends = new Map<unknown, unknown>();
  let deaths = 0;
  while (ends.size < 7) {
    const worker = started("worker", store.url, record, JSON.stringify(settings));
    let isDead = false;
    void worker.ended.then(() => (isDead = true));
    await eventually(() => isDead || ends.size + endsIn(worker).size === 7, "a worker has died, or all is done");
    for (const [id, end] of endsIn(worker)) ends.set(id, end);
    deaths += isDead ? 1 : 0;
  }

  expect([...ends].filter(([, end]) => end !== "completed")).toEqual([[killer, "WORKER_LOST"]]);
  expect([...ends.keys()].sort()).toEqual([...before, killer, ...behind].sort());
  expect(deaths).toBe(MAX_LOST);
  await jobs.close();
});

/** How jobs ended for good in this worker, by id. */
function endsIn({ lines }: Running): Map<unknown, unknown> {
  const last = lines.filter(({ event, outcome }) => event === "settled" && outcome !== "release");
  return new Map(
    last.map(({ id, outcome, reason }) => [id, outcome === "dead" ? (reason as { code: string }).code : outcome]),
  );
}
