import type { Lease } from "./backend.ts";
import type { Delivery } from "./delivery.ts";
import { execute } from "./execute.ts";
import { Held } from "./held.ts";
import { type Outcome, release } from "./outcome.ts";
import type { Registry } from "./registry.ts";
import type { Seam } from "./seam.ts";
import type { Settler } from "./settler.ts";
import type { Slots } from "./slots.ts";

export interface JobRunner {
  /** Takes new leases in and starts as many as there are places. */
  take(leases: readonly Lease[]): void;
  /** Puts new leases back: they came after the stop. */
  refuse(leases: readonly Lease[]): void;
  /** Puts back every lease that has not started. */
  releaseWaiting(): void;
  /** Puts back one lease that was taken out of the waiting line. */
  release(held: Held): void;
}

/** Runs leases in the worker's places: each through `execute`, and its outcome to the settler. */
export function createJobRunner(
  slots: Slots,
  registry: Registry,
  settler: Settler,
  worker: string,
  seam: Pick<Seam, "backend" | "completeIn">,
): JobRunner {
  /** A handler may outlive its outcome; until it has ended, the same job does not start here again. */
  const runningIds = new Set<string>();

  function startWaiting(): void {
    for (let held = slots.next(); held !== null; held = slots.next()) {
      // Never started past its lease; whether it can still be released is for the backend to say.
      if (held.ranOut) decided(held, BUSY);
      else if (runningIds.has(held.lease.id)) decided(held, runningHere(held.lease));
      else start(held);
    }
  }

  function start(held: Held): void {
    const { execution, lease } = held;
    const startedAt = performance.now();
    runningIds.add(lease.id);
    // It never rejects, and counts what throws around the handler as a failed attempt.
    void execute(deliveryOf(held, worker, seam), registry).then((outcome) => {
      held.ranMs = performance.now() - startedAt;
      execution.whenEnded(() => runningIds.delete(lease.id));
      return decided(held, outcome);
    });
  }

  function decided(held: Held, outcome: Outcome): void {
    slots.free(held);
    void settler.store(held, outcome);
  }

  function releaseWaiting(): void {
    for (const held of slots.takeWaiting(() => true)) void settler.store(held, STOPPING);
  }

  function putBack(held: Held): void {
    void settler.store(held, slots.isTypeFull(held) ? typeFull() : BUSY);
  }

  slots.onRoom(startWaiting);
  return {
    take(leases) {
      for (const lease of leases) slots.add(new Held(lease));
      for (const held of slots.takeBesideSuspect()) {
        void settler.store(held, besideSuspect(held.lease)).then(() => slots.hasLeft());
      }
      startWaiting();
      for (const held of slots.takeSurplus()) putBack(held);
    },
    refuse(leases) {
      for (const lease of leases) slots.add(new Held(lease));
      releaseWaiting();
    },
    releaseWaiting,
    release: putBack,
  };
}

function deliveryOf(
  { lease, execution }: Held,
  worker: string,
  { backend, completeIn }: Pick<Seam, "backend" | "completeIn">,
): Delivery {
  const { body, attempt, lost, releases, dueAt, signature, damage } = lease;
  return {
    body,
    attempt,
    lost,
    releases,
    dueAt,
    isDue: backend.capabilities.leasesWhenDue === true,
    signature,
    ...(damage && { damage }),
    label: lease,
    from: backend,
    worker,
    execution,
    completeIn: (transaction) => completeIn(transaction, lease),
  };
}

/** A handler deaf to its timeout may never end. */
function runningHere(lease: Lease): Outcome {
  return release(growingMs(lease), "RUNNING_HERE", "an earlier delivery of the job still runs in this worker");
}

/** Those that were lost together come back apart. */
function besideSuspect(lease: Lease): Outcome {
  const delayMs = growingMs(lease) * (0.5 + Math.random() / 2);
  const why = `${lease.lost} deliveries ended with their worker gone, and another job as often lost is to run alone here`;
  return release(delayMs, "SUSPECT", why);
}

/** A second, doubling to a minute. */
function growingMs({ releases }: Lease): number {
  return Math.min(1_000 * 2 ** Math.min(releases, 6), 60_000);
}

/** Away for a second or two, lest the same jobs be leased again at once. */
function typeFull(): Outcome {
  const delayMs = 1_000 + Math.floor(Math.random() * 1_000);
  return release(delayMs, "TYPE_BUSY", "as many jobs of this type run here as may; another worker may be free");
}

const STOPPING = release(0, "SHUTDOWN", "the worker is shutting down; the job had not started");
const BUSY = release(0, "BUSY", "the job waited behind long ones here; another worker may be free");
