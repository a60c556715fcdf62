import type { Outcome } from "@waybill/core";
import type { Situation } from "../situations.ts";
import type { Step } from "./recorder.ts";

/** A situation on its way: the label says what a body that is no envelope cannot. */
export interface Arrival extends Situation {
  readonly label: { readonly id: string; readonly type: string; readonly queue: string };
}

export interface Ended {
  readonly steps: readonly Step[];
  /** What whoever has the job was told, or has stored; null where nobody was left to be told. */
  readonly told: Outcome["kind"] | null;
}

/** What may befall a job that runs. */
export type Disturbance =
  /** Whoever had it has lost it, or no longer waits for it. */
  | "taken"
  /** The process that runs it is to end. */
  | "shutdown"
  /** It comes a second time. */
  | "twice";

/** One way by which jobs reach `execute`. */
export interface Door {
  readonly name: string;
  /** How it tells the handler that the job was taken away. */
  readonly taken: "LEASE_LOST" | "JOB_CANCELLED";
  open(): Promise<OpenDoor>;
}

export interface OpenDoor {
  /** True where the store says what is due, so that nobody judges `scheduled_at` again. Absent: it is judged here. */
  readonly leasesWhenDue?: boolean;
  /** Resolves once the first outcome is decided and passed on. */
  deliver(arrival: Arrival): Promise<Ended>;
  /** Delivers a job that waits, disturbs it while it does, and lets it end. */
  disturb(disturbance: Disturbance, arrival: Arrival): Promise<Ended>;
  close(): Promise<void>;
}
