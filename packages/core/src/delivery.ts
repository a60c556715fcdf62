import type { DeadReason, Signature } from "./backend.ts";
import type { Envelope } from "./envelope/index.ts";
import type { JobLabel } from "./events.ts";
import type { Execution } from "./execution.ts";
import type { Origin } from "./telemetry.ts";

/** One job in somebody's hands, by whichever door it came. */
export interface Delivery {
  /** The serialised envelope, as stored. */
  readonly body: string;
  /** What the body holds, where the door has parsed it already. Absent: `execute` parses it. */
  readonly envelope?: Envelope;
  /** 1 on the first execution. */
  readonly attempt: number;
  /** Deliveries that ended unsettled; 0 where nobody counts them. */
  readonly lost: number;
  /** Times it was handed back uncounted; 0 where nobody counts them. */
  readonly releases: number;
  /** Unix milliseconds before which the job must not start, besides its own `scheduled_at`; null for none. */
  readonly dueAt: number | null;
  /** True: the store leases only what is due by its own clock, so this process's clock is not asked again. */
  readonly isDue?: boolean;
  /** The producer's, beside the body; null for none. */
  readonly signature: Signature | null;
  /** Why the stored record cannot be read; absent when it can. */
  readonly damage?: DeadReason;
  /** What the door knows of the job without reading the body; null when it knows nothing. */
  readonly label: JobLabel | null;
  /** What holds it, or brought it, for telemetry. Absent: nobody says. */
  readonly from?: Origin;
  /** Who runs it, for events: a worker's id, "inline". */
  readonly worker: string;
  /** The door's handle on the run; absent when the door never cancels. */
  readonly execution?: Execution;
  /** Acks the delivery within a transaction of the handler's; absent where the door cannot. */
  readonly completeIn?: (transaction: unknown) => Promise<void>;
}
