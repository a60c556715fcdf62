import type { Jobs, Receipt, WhyCode } from "@waybill/core";
import type { BackendName, Stage } from "./stage.ts";

/** A situation that has been made, and what `why` must say of it. */
export interface Made {
  readonly job: string | Receipt;
  /** The connection that is asked. Omitted: that of the stage. */
  readonly on?: Jobs;
  /** Each must be in the facts. */
  readonly facts?: object;
  /** Each must be in the text. */
  readonly says?: readonly string[];
  /** Codes that follow the first. */
  readonly also?: readonly WhyCode[];
}

/** One row of the table. */
export interface Situation {
  /** As a sentence. */
  readonly name: string;
  readonly code: WhyCode;
  /** Where the broker lets no one look, and records are read in place of its queue. Omitted: `code`, with the same facts. */
  readonly onBrokers?: WhyCode;
  /** Where a backend says another code. */
  readonly codes?: Partial<Record<BackendName, WhyCode>>;
  /** Backends on which it cannot be made, each with the reason. */
  readonly unavailable?: Partial<Record<BackendName, string>>;
  make(stage: Stage): Promise<Made>;
}
