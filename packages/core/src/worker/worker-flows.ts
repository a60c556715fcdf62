import type { Seam } from "../backend/seam.ts";
import { WaybillError } from "../errors.ts";
import type { FlowApi } from "../features/flows/flow-api.ts";
import { createFlowCalls } from "../features/flows/flow-calls.ts";
import { cancelMembers } from "../features/flows/cancelled-members.ts";
import type { sweepFlows } from "../features/flows/flow-sweeper.ts";
import type { FlowStarter } from "../features/flows/store-flow.ts";
import type { ControlSettings } from "../features/control/control-settings.ts";
import type { EventBus } from "../observability/events.ts";
import type { EnvelopeCalls } from "../producer/envelope-calls.ts";
import { within } from "../time/time-limit.ts";

/** The flows of one connection. */
export interface Flows {
  readonly calls: FlowApi;
  /** Null without a ledger. */
  readonly host: FlowStarter | null;
  /** Undefined without a ledger. */
  readonly cancelMembers: ControlSettings["cancelMembers"];
  /** Does once what processes that died have left undone. Returns whether there was anything. */
  sweep(): Promise<boolean>;
}

export function createFlows(
  { ledger, backend, jobControl, inspector }: Pick<Seam, "ledger" | "backend" | "jobControl" | "inspector">,
  events: EventBus,
  { envelopeOf, enqueueEnvelope }: EnvelopeCalls,
): Flows {
  const { capabilities } = backend;
  const host: FlowStarter | null = ledger && { ledger, events, capabilities, envelopeOf, enqueue: enqueueEnvelope };

  function hostOrThrow(): FlowStarter {
    if (host !== null) return host;
    throw new WaybillError(
      "CAPABILITY_MISSING",
      `${backend.address} has no ledger, in which flows are kept; give it one, as in connect(url, { ledger: "postgres://…" })`,
    );
  }

  return {
    calls: createFlowCalls(hostOrThrow, jobControl),
    host,
    cancelMembers: host === null ? undefined : (jobs, cancel) => cancelMembers(host, jobs, cancel),
    sweep: async () => host !== null && (await sweepOnce(host, jobControl, inspector)) > 0,
  };
}

async function sweepOnce(...of: Parameters<typeof sweepFlows>): Promise<number> {
  return (await import("../features/flows/flow-sweeper.ts")).sweepFlows(...of);
}

const SWEEP_MS = 5_000;
const END_MS = 500;

/** Sweeps every 5 s, from now on. Returns a function that ends it, and waits half a second at most for a sweep that runs. */
export function sweepOften(sweep: () => Promise<boolean>): () => Promise<void> {
  let working: Promise<unknown> = Promise.resolve();
  let isRunning = false;
  const timer = setInterval(() => {
    if (isRunning) return;
    isRunning = true;
    // A ledger that is away is reported by the jobs that need it.
    working = sweep()
      .catch(() => undefined)
      .finally(() => (isRunning = false));
  }, SWEEP_MS).unref();
  return async () => {
    clearInterval(timer);
    await within(working, END_MS);
  };
}
