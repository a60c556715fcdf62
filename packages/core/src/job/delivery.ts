import type { DeadReason, Signature } from "../backend/contract.ts";
import type { Envelope } from "../envelope/index.ts";
import type { FlowRun } from "./flow-types.ts";
import type { Once } from "./once-options.ts";
import type { Recording } from "./recording.ts";
import type { RunHandle } from "./run-handle.ts";

/** Identifies a job without reading its body. */
export interface JobLabel {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
}

/** Where a job comes from: a backend, or a carrier of pushed jobs, which has no address. */
export interface Origin {
  /** Lower case: "sqlite" or "rabbitmq" for a backend, "sqsd" or "native" for a carrier. */
  readonly name: string;
  /** Without secrets. Omitted for a carrier. */
  readonly address?: string;
}

/** One delivery of a job: leased by a worker, pushed to an endpoint or run inline. */
export interface Delivery {
  /** The serialised envelope, as stored. */
  readonly body: string;
  /** The parsed body. Omitted: `execute` parses it. */
  readonly envelope?: Envelope;
  /** 1 on the first run. Releases and lost workers do not raise it. */
  readonly attempt: number;
  /** Deliveries that ended without a settle. 0 where the backend or carrier does not count them. */
  readonly lost: number;
  /** Releases so far. 0 where the backend or carrier does not count them. */
  readonly releases: number;
  /** Unix milliseconds before which the job must not start, in addition to its `scheduled_at`. Null for none. */
  readonly dueAt: number | null;
  /** True: the backend leases only jobs that are due by its own clock, so `execute` does not compare with this process's. */
  readonly isDue?: boolean;
  /** The signature that travels beside the body. Null for none. */
  readonly signature: Signature | null;
  /** Why the stored record cannot be read. Omitted when it can. */
  readonly damage?: DeadReason;
  /** Known without reading the body. Null when nothing is. */
  readonly label: JobLabel | null;
  /** For telemetry. Omitted: unknown. */
  readonly from?: Origin;
  /** Names the runner in events: the id of a worker or receiver, or "inline". */
  readonly worker: string;
  /** Cancels the run. Omitted when the caller never cancels. */
  readonly handle?: RunHandle;
  /** Acks the job within a transaction of its handler. Omitted where that is impossible. */
  readonly completeIn?: (transaction: unknown) => Promise<void>;
  /** The flow that the job is a member of. Omitted: none, or its ledger cannot be reached from here. */
  readonly flow?: FlowRun;
  /** True: the sender of the push settles the job, and stores its end in its flow. Default false. */
  readonly keepsFlow?: boolean;
  /** True: this process has a ledger, and `flow` is there for every member of a flow. Default false. */
  readonly readsFlows?: boolean;
  /** Remembers what has run. Omitted where nothing can be remembered. */
  readonly once?: Once;
  /** Records the run. Omitted where nothing is recorded. */
  readonly recording?: Recording | undefined;
}
