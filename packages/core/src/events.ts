import type { DeadReason } from "./backend.ts";
import type { Outcome } from "./outcome.ts";
import type { Requirement } from "./requirement.ts";
import { describeError } from "./thrown.ts";
import { warn } from "./warn.ts";

/** Which job an event is about. */
export interface JobLabel {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
}

/** A handler is about to run. */
export interface StartedEvent extends JobLabel {
  /** 1 on the first execution. */
  readonly attempt: number;
  /** Deliveries that ended unsettled: a worker died. */
  readonly lost: number;
  /** Times it was handed back uncounted. */
  readonly releases: number;
  /** The worker's id, or "inline". */
  readonly worker: string;
  /** The producer's W3C trace context, when the envelope carries one. */
  readonly traceparent?: string;
}

/** How one delivery ended. */
export interface OutcomeEvent extends StartedEvent {
  readonly outcome: Outcome["kind"];
  /** From the handler's start; 0 when none was started. */
  readonly durationMs: number;
  /** Until the next delivery, for retry and release. */
  readonly delayMs?: number;
  /** Absent when completed. */
  readonly reason?: DeadReason;
  /** As the handler threw it; absent when no handler threw. */
  readonly error?: Error;
}

export interface LeaseLostEvent extends JobLabel {
  readonly attempt: number;
  readonly worker: string;
  /** "run": the handler was aborted; "settle": its outcome could not be stored. The job runs elsewhere. */
  readonly during: "run" | "settle";
}

/** Something that is not a job was found among the jobs. It is kept as a dead letter and never ran. */
export interface RejectedEvent {
  /** As `Inspector.deadLetters` lists it; cut to 256 characters. */
  readonly id: string;
  /** As `Inspector.deadLetters` lists it. */
  readonly queue: string;
  /** The spec's code, such as `JSON_SYNTAX`, and one sentence of at most 2,000 characters. */
  readonly reason: DeadReason;
  /** The worker that found it; null when none was running on the connection. */
  readonly worker: string | null;
}

export interface BootedEvent {
  readonly role: string;
  readonly env: string;
  /** Where the backend is, without secrets. */
  readonly backend: string;
  readonly queues: readonly string[];
  /** What it can be relied on for; what `require` may name. */
  readonly offers: readonly Requirement[];
  readonly worker?: string;
  readonly concurrency?: number;
  readonly pid: number;
}

export interface PushRefusedEvent {
  /** Of the answer. */
  readonly status: number;
  /** As the answer has it. */
  readonly code: string;
  /** Why, for us alone. */
  readonly message: string;
  /** The socket's other end: an address, "unix", or null where nobody knows. */
  readonly peer: string | null;
  readonly path: string;
}

export interface ReceiverUnavailableEvent {
  /** Where the jobs were sent, without a query. */
  readonly to: string;
  /** Null when nothing answered. */
  readonly status: number | null;
  /** As the jobs that were put back for it have it. */
  readonly code: string;
  readonly message: string;
}

/** What a worker or receiver did, and how it ended. */
export interface ShutdownReport {
  readonly worker: string;
  /** "SIGTERM", "stop", "MEMORY", … */
  readonly reason: string;
  /** Settled by this worker since it started. */
  readonly completed: number;
  /** Failed attempts that have another. */
  readonly retried: number;
  /** Handed back uncounted. */
  readonly released: number;
  /** Kept for a person, or discarded. */
  readonly dead: number;
  /** Things found among the jobs that are not jobs. They are dead letters; not counted in `dead`. */
  readonly rejected: number;
  /** Leases that ran out or were taken: their outcome was not counted. */
  readonly lost: number;
  /** Jobs whose settle did not finish in time; their leases expire and they run elsewhere. */
  readonly unfinished: number;
  /** Of the shutdown itself. */
  readonly durationMs: number;
}

/** Each event by name, and what it carries besides `at`. */
export interface WaybillEvents {
  /**
   * A producer has written a job. `stored`: true; false if the same job was there already; "on_commit" if it was written
   * within the caller's transaction: the job is there once that commits, and nobody tells us whether it does.
   */
  enqueued: JobLabel & { readonly stored: boolean | "on_commit" };
  /** Production only: a type that no registered job has was enqueued by name. */
  unknown_type: JobLabel;
  started: StartedEvent;
  /** `execute`'s verdict. */
  finished: OutcomeEvent;
  /** The verdict is stored by the backend: the one to trust. */
  settled: OutcomeEvent;
  /** A delivery or an arrival is no envelope. It is a dead letter by now; there is no `settled` for it. */
  rejected: RejectedEvent;
  lease_lost: LeaseLostEvent;
  /** The backend is away, or one of its inboxes cannot be read; the worker keeps trying. Once until `recovered`. */
  unavailable: { readonly worker: string; readonly message: string };
  recovered: { readonly worker: string };
  /** The worker cannot be put on the roster; its jobs go on. Once until it can. */
  unlisted: { readonly worker: string; readonly message: string };
  /** A push was turned away before any job was looked at. The sender learns the code alone. */
  push_refused: PushRefusedEvent;
  /**
   * A sender's jobs find no receiver: nothing answers, or what does is none of ours or will not have us. They wait,
   * and no attempt is spent. Once, and again when the reason changes, until `receiver_recovered`.
   */
  receiver_unavailable: ReceiverUnavailableEvent;
  receiver_recovered: { readonly to: string };
  booted: BootedEvent;
  stopped: ShutdownReport;
}

/** What `on` takes. */
export type EventName = keyof WaybillEvents;
/** Called with the event and `at`, Unix milliseconds. What it throws becomes a process warning. */
export type Listener<N extends EventName> = (event: WaybillEvents[N] & { readonly at: number }) => void;

function warnOf(name: EventName, error: unknown): void {
  warn(`a listener of "${name}" threw: ${describeError(error)}`);
}

/** Typed lifecycle events. Listeners run synchronously, in order; one that throws is reported as a process warning. */
export class EventBus {
  /**
   * The job types that this program registered or enqueued by a definition. Metrics show these by name: any other type is
   * a stranger's, of whom there may be any number.
   */
  readonly types: Set<string> = new Set();
  readonly #listeners = new Map<EventName, Set<(event: never) => void>>();

  /** Listens; answers what unsubscribes. That is a function without arguments. */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => {
      set.delete(listener);
      if (set.size === 0) this.#listeners.delete(name);
    };
  }

  /** Whether anybody listens: an event nobody hears need not be built. */
  has(name: EventName): boolean {
    return this.#listeners.has(name);
  }

  /** `event` gains `at`, in Unix milliseconds. */
  emit<N extends EventName>(name: N, event: WaybillEvents[N]): void {
    const set = this.#listeners.get(name);
    if (set === undefined) return;
    const stamped = { at: Date.now(), ...event };
    for (const listener of set) {
      try {
        const result: unknown = (listener as (event: unknown) => unknown)(stamped);
        if (result instanceof Promise) result.catch((error: unknown) => warnOf(name, error));
      } catch (error) {
        warnOf(name, error);
      }
    }
  }
}
