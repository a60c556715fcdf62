import type { Rejection, Report } from "../backend/contract.ts";
import type { EventBus, RejectedEvent } from "./events.ts";
import type { Reachability } from "./reachability.ts";

/** A running worker, which counts and logs what the backend of its connection reports. */
export interface ReportListener {
  readonly queues: readonly string[];
  readonly reachability: Reachability;
  rejected(rejection: Rejection): void;
}

/** Passes the reports of one backend to the workers of its connection. */
export interface BackendReports {
  /** Returns the functions that the backend calls. A rejection without a worker to count it is emitted to `events`. */
  readonly reportTo: (events: EventBus) => Report;
  /** Adds a listener. Returns a function that removes it. */
  add(listener: ReportListener): () => void;
}

const LONGEST_ID = 256;
const LONGEST_MESSAGE = 2_000;

export function createBackendReports(): BackendReports {
  const listeners = new Set<ReportListener>();

  /** Returns the one worker that counts a rejection: one that leases from the queue, else the first. */
  function listenerOf(queue: string): ReportListener | undefined {
    const all = [...listeners];
    return all.find(({ queues }) => queues.includes(queue)) ?? all[0];
  }

  return {
    reportTo: (events) => ({
      rejected(rejection) {
        const listener = listenerOf(rejection.queue);
        if (listener === undefined) events.emit("rejected", rejectedEvent(rejection, null));
        else listener.rejected(rejection);
      },
      failed(what, error) {
        for (const { reachability } of listeners) reachability.failed(what, error);
      },
      succeeded(what) {
        for (const { reachability } of listeners) reachability.succeeded(what);
      },
    }),
    add(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Cuts the id and the message, since both come from outside. */
export function rejectedEvent({ id, queue, reason }: Rejection, worker: string | null): RejectedEvent {
  const message = reason.message.slice(0, LONGEST_MESSAGE);
  return { id: id.slice(0, LONGEST_ID), queue, reason: { code: reason.code, message }, worker };
}
