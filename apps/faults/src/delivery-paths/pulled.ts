import { connect, type JobDefinition, type OutcomeEvent, WaybillError } from "@waybill/core";
import type { Backend, BackendFactory, Lease } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { finish } from "../gates.ts";
import type { Arrival, Disturbance, Ended, OpenPath } from "./delivery-path.ts";
import { Recorder } from "./recorder.ts";

export interface Pulling {
  readonly factory: BackendFactory;
  readonly jobs: readonly JobDefinition[];
  /** Where the jobs run, if not in the worker. Its steps count if it has any, and its stop is the shutdown. */
  readonly elsewhere?: { readonly recorder: Recorder; stop(): Promise<unknown> };
}

type Settled = Pick<OutcomeEvent, "outcome" | "reason">;

const SHUTDOWN = { drain: 0, abort: "1s", close: "2s" } as const;

/** Stores bytes in a backend and runs a worker that leases them. Sets the counts of the lease to those of the situation. */
export async function pulled({ factory, jobs, elsewhere }: Pulling): Promise<OpenPath> {
  const arrivals = new Map<string, Arrival>();
  const lostLeases = new Set<string>();
  let raw: Backend | undefined;
  const counted = (lease: Lease): Lease => {
    const { attempt = 1, lost = 0 } = arrivals.get(lease.id) ?? {};
    return { ...lease, attempt, lost };
  };
  const gone = new WaybillError("LEASE_LOST", "another worker has the job");
  const connection = await connect(
    async (context) => {
      const backend = await factory(context);
      raw = backend;
      return {
        ...backend,
        lease: async (request) => (await backend.lease(request)).map(counted),
        extend: (leases, leaseMs) =>
          leases.some(({ id }) => lostLeases.has(id))
            ? Promise.resolve(leases.map(() => ({ ok: false, error: gone })))
            : backend.extend(leases, leaseMs),
      };
    },
    // For the backends that keep no unique keys.
    { log: "off", ledger: memoryBackend() },
  );
  const recorder = new Recorder(connection.events);
  const runs = elsewhere?.recorder ?? recorder;
  const own = { jobs, shutdown: SHUTDOWN };
  await connection.worker({ ...own, queues: ["delivery-paths"] }).start();

  const stepsOf = (id: string): Ended["steps"] => {
    const there = elsewhere?.recorder.stepsOf(id) ?? [];
    return there.length > 0 ? there : recorder.stepsOf(id);
  };
  /** A record that is not a job is rejected, not settled, and kept as a dead letter. */
  const settled = (id: string, test: (event: Settled) => boolean): Promise<Settled> =>
    new Promise((resolve) => {
      const end = (event: Settled & { readonly id: string }): void => {
        if (event.id !== id || !test(event)) return;
        for (const off of offs) off();
        resolve(event);
      };
      const offs = [
        connection.events.on("settled", end),
        connection.events.on("rejected", (event) => end({ ...event, outcome: "dead" })),
      ];
    });
  const isFirst = ({ reason }: Settled): boolean => reason?.code !== "RUNNING_HERE";

  async function put(arrival: Arrival, queue: string): Promise<boolean> {
    const { label, body } = arrival;
    arrivals.set(label.id, arrival);
    const message = { ...label, queue, delayMs: 0, priority: 0, tenant: null, signature: null, body };
    const [result] = (await raw?.enqueue([message])) ?? [];
    if (!result?.ok) throw result?.error ?? new Error("the backend is not open");
    return result.value.stored;
  }

  return {
    leasesWhenDue: elsewhere === undefined && connection.backend.capabilities.leasesWhenDue === true,
    async deliver(arrival) {
      const { id } = arrival.label;
      const done = settled(id, isFirst);
      await put(arrival, "delivery-paths");
      const { outcome, reason } = await done;
      const steps = stepsOf(id);
      const last = steps.at(-1);
      // The worker settles with the outcome that was decided.
      if (last?.code !== (reason?.code ?? null))
        throw new Error(`settled as ${reason?.code}, decided as ${last?.code}`);
      return { steps, reported: outcome };
    },
    async disturb(disturbance: Disturbance, arrival) {
      const { id } = arrival.label;
      const queue = `delivery-paths-${disturbance}`;
      const worker = connection.worker({ ...own, queues: [queue], ...(disturbance === "taken" && { lease: "1s" }) });
      await worker.start();
      const done = settled(id, isFirst);
      await put(arrival, queue);
      await runs.until(id, "started");
      switch (disturbance) {
        case "taken":
          lostLeases.add(id);
          await runs.until(id, "finished");
          await worker.stop();
          return { steps: stepsOf(id), reported: null };
        case "shutdown": {
          await (elsewhere ?? worker).stop();
          const { outcome } = await done;
          await worker.stop();
          return { steps: stepsOf(id), reported: outcome };
        }
        case "twice": {
          const second = settled(id, (event) => !isFirst(event));
          if (await put(arrival, queue)) await second;
          finish(id);
          const { outcome } = await done;
          await worker.stop();
          return { steps: stepsOf(id), reported: outcome };
        }
      }
    },
    close: () => connection.close(),
  };
}
