import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, newId } from "@waybill/core";
import type { Backend, BackendFactory } from "@waybill/core/backend";
import { expect, test } from "vitest";
import { type FaultTarget, targets } from "../src/backends.ts";
import { sharedStore } from "./stores.ts";

const DEPLOYS = 100;
/** Prefetched by each program that is replaced, of which it starts none. */
const WAITING = 8;

/** The backend's URL, and the backend behind it, so that a test reads the counts of a lease. */
async function open(target: FaultTarget, url: string): Promise<Backend> {
  let opened: Backend | null = null;
  const factory: BackendFactory = async (context) => (opened = await target.factory(url)(context));
  await connect(factory, { log: "off" });
  if (opened === null) throw new Error("no backend was opened");
  return opened;
}

// Most of it is waiting: a broker lets go of a subscription in its own time.
test.concurrent.each(targets)(
  `on $name, ${DEPLOYS} deploys raise neither attempt nor lost of jobs that were fetched and never started`,
  async (target) => {
    const store = await sharedStore(target);
    const waits = defineJob({ type: "deploy.waits", handler: () => undefined });
    const producer = await connect(store.url, { log: "off" });
    const ids = Array.from({ length: WAITING }, () => newId());
    for (const id of ids) await producer.enqueue(waits, {}, { id });
    for (let deploy = 0; deploy < DEPLOYS; deploy += 1) {
      const program = await open(target, store.url);
      const signal = AbortSignal.timeout(60_000);
      const request = { queue: "default", leaseMs: 30_000, waitMs: 5_000, signal };
      // One job is leased, the broker sends the rest of the prefetch, and the program stops.
      const leases = await program.lease({ ...request, limit: 1 });
      const stopping = new AbortController();
      const more = program.lease({ ...request, limit: WAITING, signal: stopping.signal });
      await Promise.race([more, sleep(deploy % 3)]);
      stopping.abort();
      leases.push(...(await more));
      await Promise.all(leases.map((lease) => program.retry(lease, { delayMs: 0, countsAttempt: false })));
      await program.close();
    }
    const after = await open(target, store.url);
    const found = new Map<string, { attempt: number; lost: number }>();
    while (found.size < WAITING) {
      const signal = AbortSignal.timeout(30_000);
      const leases = await after.lease({ queue: "default", limit: 10, leaseMs: 30_000, waitMs: 10_000, signal });
      expect(leases.length, "a job for each that was enqueued").toBeGreaterThan(0);
      for (const { id, attempt, lost } of leases) found.set(id, { attempt, lost });
    }
    expect([...found.keys()].sort()).toEqual(ids.toSorted());
    for (const counts of found.values()) expect(counts).toEqual({ attempt: 1, lost: 0 });
    await after.close();
    await producer.close();
  },
  180_000,
);
