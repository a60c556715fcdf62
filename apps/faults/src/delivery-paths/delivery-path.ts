import type { Outcome } from "@waybill/core";
import type { Situation } from "../situations.ts";
import type { Step } from "./recorder.ts";

/** A situation with the label of its job, which a body that is not an envelope does not contain. */
export interface Arrival extends Situation {
  readonly label: { readonly id: string; readonly type: string; readonly queue: string };
}

export interface Ended {
  readonly steps: readonly Step[];
  /** The outcome that was stored, or sent to the carrier of the job; null where neither happened. */
  readonly reported: Outcome["kind"] | null;
}

/** An event that disturbs a running job. */
export type Disturbance =
  /** Its lease is lost, or its carrier no longer waits for it. */
  | "taken"
  /** The process that runs it shuts down. */
  | "shutdown"
  /** It is delivered a second time. */
  | "twice";

/** One way in which jobs reach `execute`. */
export interface DeliveryPath {
  readonly name: string;
  /** The code of the handler's abort when the job is taken. */
  readonly taken: "LEASE_LOST" | "JOB_CANCELLED";
  open(): Promise<OpenPath>;
}

export interface OpenPath {
  /** True where a leased job is always due, so `scheduled_at` is not checked again. Absent: it is checked. */
  readonly leasesWhenDue?: boolean;
  /** Resolves once the first outcome is decided and reported. */
  deliver(arrival: Arrival): Promise<Ended>;
  /** Delivers a job that waits, disturbs it while it waits, and lets it end. */
  disturb(disturbance: Disturbance, arrival: Arrival): Promise<Ended>;
  close(): Promise<void>;
}
