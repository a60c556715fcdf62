/** What a worker's wrong clock may do to a job that is due: nothing where the store says so, a stated wait elsewhere. */
import { connect, defineJob, type Jobs, type OutcomeEvent } from "@waybill/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { targets } from "../src/backends.ts";
import { freshStore } from "./stores.ts";

const open: Jobs[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const jobs of open.splice(0)) await jobs.close();
});

async function connected(url: string): Promise<Jobs> {
  const jobs = await connect(url, { log: "off" });
  open.push(jobs);
  return jobs;
}

/** From now on the clock of this process is behind those of all servers. */
function clockIsBehind(ms: number): void {
  const right = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => right() - ms);
}

const noop = (): void => undefined;
const job = defineJob({ type: "due.now", handler: noop });

describe.each(targets)("on $name", (target) => {
  test("a job that is due runs, its worker's clock being behind, after no wait or after the one that is stated", async () => {
    const { url } = await freshStore(target);
    const producer = await connected(url);
    const { leasesWhenDue = false } = producer.backend.capabilities;
    await producer.enqueue(job, {}, { runAt: new Date() });
    const behindMs = leasesWhenDue ? 20_000 : 1_500;
    clockIsBehind(behindMs);
    const worker = await connected(url);
    const settled: OutcomeEvent[] = [];
    worker.events.on("settled", (event) => settled.push(event));
    await worker.worker({ jobs: [job], concurrency: 1 }).start();
    await expect.poll(() => settled.at(-1)?.outcome, { timeout: 60_000 }).toBe("completed");
    expect(settled.at(-1)).toMatchObject({ attempt: 1, lost: 0 });
    const early = settled.filter(({ reason }) => reason?.code === "EARLY");
    if (leasesWhenDue) expect(early).toEqual([]);
    else expect(Math.max(0, ...early.map(({ delayMs = 0 }) => delayMs))).toBeLessThanOrEqual(behindMs);
  }, 180_000);
});
