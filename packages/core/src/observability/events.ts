import type { JobLabel } from "../job/delivery.ts";
import { WaybillError } from "../errors.ts";
import { describeValue, type OptionNames, unknownName } from "../known-options.ts";
import { wallMs } from "../time/clock.ts";
import type { QueueWithoutWorker } from "../backend/queues-without-worker.ts";
import type { PushRefusedEvent, ReceiverUnavailableEvent } from "./push-events.ts";
import type { Requirement } from "../backend/requirements.ts";
import type { EnqueueFailedEvent, LeaseLostEvent, OutcomeEvent, RejectedEvent, StartedEvent } from "./job-events.ts";
import type { TickEvent } from "./tick-event.ts";

export type { EnqueueFailedEvent, LeaseLostEvent, OutcomeEvent, RejectedEvent, StartedEvent } from "./job-events.ts";

export interface BootedEvent {
  readonly role: string;
  readonly env: string;
  /** The address of the backend, without secrets. */
  readonly backend: string;
  readonly queues: readonly string[];
  /** The requirements that the backend meets, as `require` names them. */
  readonly offers: readonly Requirement[];
  readonly worker?: string;
  readonly concurrency?: number;
  readonly pid: number;
}

/** Either a queue or a type. */
export type PausedEvent = { readonly worker: string; readonly queue?: string; readonly type?: string };

/** Counts of a worker or receiver since its start, and how it stopped. */
export interface ShutdownReport {
  readonly worker: string;
  /** "SIGTERM", "stop", "MEMORY", … */
  readonly reason: string;
  /** Jobs that completed. */
  readonly completed: number;
  /** Failed attempts that are followed by another. */
  readonly retried: number;
  /** Jobs released without spending an attempt. */
  readonly released: number;
  /** Jobs kept as dead letters. */
  readonly dead: number;
  /** Jobs that ended and were not kept. See `Discard`. */
  readonly discarded: number;
  /** Records that are no valid jobs. They are dead letters and not counted in `dead`. */
  readonly rejected: number;
  /** Leases that expired or were lost before the shutdown began. Their outcome is not counted. */
  readonly lost: number;
  /** Jobs that were not settled in time, or whose lease was lost during the shutdown. They run elsewhere once their leases have ended. */
  readonly unfinished: number;
  /** Duration of the shutdown. */
  readonly durationMs: number;
}

/** The events by name, without `at`. */
export interface WaybillEvents {
  /**
   * A producer has enqueued a job. `stored` is false if the same job was stored before, and "on_commit" within the caller's
   * transaction: the job is stored if that commits, which is not reported.
   */
  enqueued: JobLabel & { readonly stored: boolean | "on_commit" };
  /** The backend did not store a job: the call was rejected with this error. Not for `enqueueIn`, whose transaction fails. */
  enqueue_failed: EnqueueFailedEvent;
  /**
   * A job was enqueued whose unique key another job has. "rejected": it was not stored, and the call was rejected. "ignored": it was not
   * stored. "replaced": it took the place of the other, and an `enqueued` follows.
   */
  duplicate: JobLabel & { readonly duplicateOf: string; readonly result: "rejected" | "ignored" | "replaced" };
  /** In production: a job was enqueued by the name of a type that is not registered. */
  unknown_type: JobLabel;
  /** A run begins: the handler is about to be called. */
  started: StartedEvent;
  /** A run has ended with an outcome, which is not settled yet. */
  finished: OutcomeEvent;
  /** The outcome is stored by the backend. Rely on this event rather than on `finished`. */
  settled: OutcomeEvent;
  /** A delivery or a record in an inbox is no valid envelope. It has been dead-lettered; `settled` is not emitted for it. */
  rejected: RejectedEvent;
  /** A lease ended while this process had the job: the outcome is not stored, and the job runs again or has ended. */
  lease_lost: LeaseLostEvent;
  /** This process has cancelled a waiting job: it is gone and never runs. A job that ran ends with `settled`, code `CANCELLED`. */
  cancelled: JobLabel;
  /** A worker leases no more jobs of this queue, or of this type, until `resumed`. */
  paused: PausedEvent;
  /** The pause of this queue or type has ended. */
  resumed: PausedEvent;
  /** The worker cannot read pauses and cancels; those that it read last stay in force, none before the first read. Emitted once until it can. */
  control_unread: { readonly worker: string; readonly message: string };
  /** The backend is unavailable, or an inbox cannot be read; the worker keeps trying. Emitted once until `recovered`. */
  unavailable: { readonly worker: string; readonly message: string };
  /** The backend is available again. */
  recovered: { readonly worker: string };
  /** The worker cannot be announced in the worker registry; its jobs still run. Emitted once until it can. */
  unlisted: { readonly worker: string; readonly message: string };
  /** A schedule has ticked. Emitted by the worker that fired the tick or skipped it. */
  tick: TickEvent;
  /** All members of a flow have ended, and after a replay again. "failed": one of them has not completed. */
  flow_ended: { readonly flow: string; readonly name: string; readonly state: "completed" | "failed" | "cancelled" };
  /**
   * The worker cannot fire schedules; its jobs still run. Emitted once until it can, and once for each record of
   * schedules that it cannot read.
   */
  unscheduled: { readonly worker: string; readonly message: string };
  /**
   * The borrowed ledger cannot be reached. Jobs that need none go on, and opening it is tried again. Emitted once until
   * `ledger_available`.
   */
  ledger_unavailable: { readonly address: string; readonly message: string };
  /** The borrowed ledger can be reached again. */
  ledger_available: { readonly address: string };
  /** Records cannot be written; jobs go on, and writing is tried again. Emitted once until `records_available`. */
  records_unavailable: { readonly address: string; readonly message: string };
  /** Records are written again. */
  records_available: { readonly address: string };
  /** The store of records was slow or away for longer than changes can wait in memory: so many changes are not recorded. */
  records_dropped: { readonly address: string; readonly count: number };
  /**
   * A queue has had jobs and no live worker for half a minute. Emitted once, by one of the running workers of its backend, until
   * `queue_has_worker`.
   */
  queue_without_worker: QueueWithoutWorker;
  /** That queue has a worker again, or no jobs. */
  queue_has_worker: { readonly queue: string };
  /** A push was refused before its job was read. The response has the code alone. */
  push_refused: PushRefusedEvent;
  /**
   * A sender cannot reach its receiver: there is no response, or the server is no waybill receiver or refuses the sender.
   * The jobs are released without spending an attempt. Emitted once, and again when the reason changes, until
   * `receiver_recovered`.
   */
  receiver_unavailable: ReceiverUnavailableEvent;
  /** The receiver responds again. */
  receiver_recovered: { readonly to: string };
  /** A worker or receiver has started. */
  booted: BootedEvent;
  /** A worker or receiver has stopped; with the counts since its start. */
  stopped: ShutdownReport;
}

/** The name of an event. */
export type EventName = keyof WaybillEvents;

const EVENTS: OptionNames<WaybillEvents> = {
  enqueued: true,
  enqueue_failed: true,
  duplicate: true,
  unknown_type: true,
  started: true,
  finished: true,
  settled: true,
  rejected: true,
  lease_lost: true,
  cancelled: true,
  paused: true,
  resumed: true,
  control_unread: true,
  unavailable: true,
  recovered: true,
  unlisted: true,
  tick: true,
  flow_ended: true,
  unscheduled: true,
  ledger_unavailable: true,
  ledger_available: true,
  records_unavailable: true,
  records_available: true,
  records_dropped: true,
  queue_without_worker: true,
  queue_has_worker: true,
  push_refused: true,
  receiver_unavailable: true,
  receiver_recovered: true,
  booted: true,
  stopped: true,
};

/** Called with the event and `at` in Unix milliseconds. An error that it throws becomes a process warning. */
export type Listener<N extends EventName> = (event: WaybillEvents[N] & { readonly at: number }) => void;

/** Loaded when a listener throws. */
async function warnOf(name: EventName, error: unknown): Promise<void> {
  (await import("./listener-warning.ts")).warnOfListener(name, error);
}

/** Emits typed lifecycle events. Listeners run synchronously, in order. An error that one throws becomes a process warning. */
export class EventBus {
  /**
   * The job types that this program registered or enqueued by a definition. Metrics show only these by name, since the number
   * of others is not limited.
   */
  readonly types: Set<string> = new Set();
  readonly #listeners = new Map<EventName, Set<(event: never) => void>>();

  /**
   * Subscribes to an event. Returns a function that unsubscribes. Throws `CONFIG_INVALID` for an event that does not exist and for
   * a listener that is no function.
   */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    if (!Object.hasOwn(EVENTS, name)) {
      const given = describeValue(name);
      throw new WaybillError(
        "CONFIG_INVALID",
        `no event is called ${given}; ${unknownName(String(name), Object.keys(EVENTS))}`,
      );
    }
    if (typeof listener !== "function") {
      const given = describeValue(listener);
      throw new WaybillError(
        "CONFIG_INVALID",
        `the listener of "${String(name)}" is ${given}: pass a function of (event)`,
      );
    }
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0) this.#listeners.delete(name);
    };
  }

  /** Whether the event has listeners. Without any, it need not be built. */
  has(name: EventName): boolean {
    return this.#listeners.has(name);
  }

  /** Calls the listeners with the event and `at`, in Unix milliseconds. */
  emit<N extends EventName>(name: N, event: WaybillEvents[N]): void {
    const set = this.#listeners.get(name);
    if (set === undefined) return;
    const stamped = { at: wallMs(), ...event };
    for (const listener of set) {
      try {
        const result: unknown = (listener as (event: unknown) => unknown)(stamped);
        if (result instanceof Promise) result.catch((error: unknown) => warnOf(name, error));
      } catch (error) {
        void warnOf(name, error);
      }
    }
  }
}
