import { type Backend, connect, createRegistry, EventBus, execute, type Lease, newId } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { type FaultTarget, inProcess, targets } from "../src/backends.ts";
import { jobs, type Situation, situations } from "../src/situations.ts";
import { sharedStore } from "./stores.ts";

interface Step {
  readonly name: string;
  readonly id: string;
  readonly type: string;
  readonly attempt: number;
  readonly outcome: string | null;
  readonly code: string | null;
}

/** `execute`'s own lifecycle events, reduced to what every door must agree on. */
function record(events: EventBus): Step[] {
  const steps: Step[] = [];
  events.on("started", ({ id, type, attempt }) =>
    steps.push({ name: "started", id, type, attempt, outcome: null, code: null }),
  );
  events.on("finished", ({ id, type, attempt, outcome, reason }) =>
    steps.push({ name: "finished", id, type, attempt, outcome, code: reason?.code ?? null }),
  );
  return steps;
}

type Label = Pick<Lease, "id" | "type" | "queue">;

async function inline({ body, attempt = 1, lost = 0 }: Situation, label: Label): Promise<Step[]> {
  const events = new EventBus();
  const steps = record(events);
  const delivery = { body, attempt, lost, releases: 0, dueAt: null, signature: null, label, worker: "inline" };
  await execute(delivery, createRegistry(jobs, { events }));
  return steps;
}

/** The same bytes through a backend and a worker; the lease's counts are set as the situation asks. */
async function pulled(target: FaultTarget, { body, attempt = 1, lost = 0 }: Situation, label: Label): Promise<Step[]> {
  const factory = target.factory((await sharedStore(target)).url);
  let backend: Backend | undefined;
  const counted = (lease: Lease): Lease => ({ ...lease, attempt, lost });
  const connection = await connect(
    async (context) => {
      const raw = await factory(context);
      backend = raw;
      return { ...raw, lease: async (request) => (await raw.lease(request)).map(counted) };
    },
    { log: "off" },
  );
  const steps = record(connection.events);
  const settled = new Promise((resolve) => connection.events.on("settled", resolve));
  await backend?.enqueue([{ ...label, delayMs: 0, priority: 0, tenant: null, signature: null, body }]);
  await connection.worker({ jobs, queues: [label.queue] }).start();
  await settled;
  await connection.close();
  return steps;
}

describe.each([inProcess, ...targets])("pulled from $name", (target) => {
  for (const [at, situation] of situations.entries()) {
    const { name, outcome, code = null } = situation;
    test(`R2: ${name} ends as ${code ?? outcome}, by the same lifecycle events as inline`, async () => {
      const label = { id: newId(), type: "ok", queue: `q${at}` };
      const expected = await inline(situation, label);
      expect(expected.at(-1)).toMatchObject({ name: "finished", outcome, code });
      expect(JSON.stringify(await pulled(target, situation, label))).toBe(JSON.stringify(expected));
    }, 90_000);
  }
});
