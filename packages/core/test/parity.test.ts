import { expect, test } from "vitest";
import { connect, createRegistry, type EventBus, execute, EventBus as Bus, type Jobs, newId } from "../src/index.ts";
import { memoryBackend } from "../src/memory/index.ts";
import type { Backend, Lease } from "../src/index.ts";
import { jobs, type Situation, situations } from "./situations.ts";

interface Step {
  readonly name: string;
  readonly id: string;
  readonly type: string;
  readonly attempt: number;
  readonly outcome: string | null;
}

/** `execute`'s own lifecycle events, reduced to what every door must agree on. */
function record(events: EventBus): Step[] {
  const steps: Step[] = [];
  events.on("started", ({ id, type, attempt }) => steps.push({ name: "started", id, type, attempt, outcome: null }));
  events.on("finished", ({ id, type, attempt, outcome }) =>
    steps.push({ name: "finished", id, type, attempt, outcome }),
  );
  return steps;
}

const queue = "default";
const label = { id: newId(), type: "ok", queue };

async function inline({ body, attempt = 1, lost = 0 }: Situation): Promise<Step[]> {
  const events = new Bus();
  const steps = record(events);
  const delivery = { body, attempt, lost, releases: 0, dueAt: null, signature: null, label, worker: "inline" };
  await execute(delivery, createRegistry(jobs, { events }));
  return steps;
}

/** The same bytes through a backend and a worker; the lease's counts are set as the situation asks. */
async function pulled({ body, attempt = 1, lost = 0 }: Situation): Promise<Step[]> {
  const factory = memoryBackend();
  let backend: Backend | undefined;
  const connection: Jobs = await connect(
    async () => {
      backend = await factory();
      const raw = backend;
      const counted = (lease: Lease): Lease => ({ ...lease, attempt, lost });
      return { ...raw, lease: async (request) => (await raw.lease(request)).map(counted) };
    },
    { log: "off" },
  );
  const steps = record(connection.events);
  const settled = new Promise((resolve) => connection.events.on("settled", resolve));
  await backend?.enqueue([{ ...label, delayMs: 0, priority: 0, tenant: null, signature: null, body }]);
  await connection.worker({ jobs, queues: [queue] }).start();
  await settled;
  await connection.close();
  return steps;
}

for (const situation of situations) {
  test(`R2: ${situation.name} gives the same lifecycle events pulled and inline`, async () => {
    const [a, b] = [await inline(situation), await pulled(situation)];
    expect(a.length).toBeGreaterThan(0);
    expect(a.at(-1)?.outcome).toBe(situation.outcome);
    expect(JSON.stringify(b)).toBe(JSON.stringify(a));
  });
}
