import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, newId } from "@waybill/core";
import type { Backend, BackendFactory } from "@waybill/core/backend";
import type { FaultTarget } from "../../backends.ts";
import { everywhere, none, type Scenario } from "../frame/scenario.ts";

const DEPLOYS = 100;
/** More than the 20 deliveries without an end after which a job is dead-lettered. */
const DEPLOYS_OF_CUT = 25;
/** Prefetched by each program that is replaced, of which it starts none. */
const WAITING = 8;

/** The backend behind the URL, so that a scenario reads the counts of a lease. */
async function open(target: FaultTarget, url: string): Promise<Backend> {
  let opened: Backend | null = null;
  const factory: BackendFactory = async (context) => (opened = await target.factory(url)(context));
  await connect(factory, { log: "off" });
  if (opened === null) throw new Error("no backend was opened");
  return opened;
}

export const fetchedJobs: Scenario = {
  name: "deploys of idle programs",
  promise: `Programs that lease jobs and stop without starting them, ${DEPLOYS} in a row, raise neither attempt nor lost.`,
  rows: [],
  on: everywhere,
  duplicates: none,
  load: "waits",
  server: "shared",
  async run({ freshStore, connected, target, pick }) {
    const deploys = pick(DEPLOYS_OF_CUT, DEPLOYS);
    const store = await freshStore();
    const waits = defineJob({ type: "deploy.waits", handler: () => undefined });
    const producer = await connected(store.url);
    const ids = Array.from({ length: WAITING }, () => newId());
    for (const id of ids) await producer.enqueue(waits, {}, { id });
    for (let deploy = 0; deploy < deploys; deploy += 1) {
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
      assert.ok(leases.length > 0, "a job for each that was enqueued");
      for (const { id, attempt, lost } of leases) found.set(id, { attempt, lost });
    }
    await after.close();
    for (const counts of found.values()) assert.deepEqual(counts, { attempt: 1, lost: 0 });
    return { accepted: WAITING, lost: ids.filter((id) => !found.has(id)), duplicated: 0 };
  },
};
