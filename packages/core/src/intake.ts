import type { Rejection, Report } from "./backend.ts";
import type { EventBus, RejectedEvent } from "./events.ts";
import type { Reachability } from "./reachability.ts";

/** A worker that keeps its connection's backend going: what the backend reports is the worker's to tell. */
export interface Attendant {
  readonly queues: readonly string[];
  readonly reachability: Reachability;
  rejected(rejection: Rejection): void;
}

/** Passes on what one backend reports of its own work to the workers of its connection. */
export interface Intake {
  /** What the backend reports to. `events` hears of a rejection that no worker is there to count. */
  readonly reportTo: (events: EventBus) => Report;
  /** Returns the function that ends it. */
  attend(attendant: Attendant): () => void;
}

const LONGEST_ID = 256;
const LONGEST_MESSAGE = 2_000;

export function createIntake(): Intake {
  const attendants = new Set<Attendant>();

  /** One worker counts a rejection: one that reads the queue, or else the first. */
  function attendantOf(queue: string): Attendant | undefined {
    const all = [...attendants];
    return all.find(({ queues }) => queues.includes(queue)) ?? all[0];
  }

  return {
    reportTo: (events) => ({
      rejected(rejection) {
        const attendant = attendantOf(rejection.queue);
        if (attendant === undefined) events.emit("rejected", rejectedEvent(rejection, null));
        else attendant.rejected(rejection);
      },
      failed(what, error) {
        for (const { reachability } of attendants) reachability.failed(what, error);
      },
      succeeded(what) {
        for (const { reachability } of attendants) reachability.succeeded(what);
      },
    }),
    attend(attendant) {
      attendants.add(attendant);
      return () => attendants.delete(attendant);
    },
  };
}

/** Ids and messages come from strangers, so both are cut. */
export function rejectedEvent({ id, queue, reason }: Rejection, worker: string | null): RejectedEvent {
  const message = reason.message.slice(0, LONGEST_MESSAGE);
  return { id: id.slice(0, LONGEST_ID), queue, reason: { code: reason.code, message }, worker };
}
