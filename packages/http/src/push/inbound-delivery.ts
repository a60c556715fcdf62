import type { Signature } from "@waybill/core";
import type { JobLabel } from "@waybill/core/endpoint";
import { PushRefused } from "./push-refused.ts";
import type { ReplayProtection } from "./replay-protection.ts";

/** A pushed job, unwrapped and verified by its carrier. */
export interface InboundDelivery {
  /** The envelope, byte for byte as its producer wrote it. May be anything; `execute` validates it. */
  readonly body: string;
  /** From 1. The carrier's count of failures + 1, or the nearest it has. */
  readonly attempt: number;
  /** Deliveries that ended with their process. 0 if the carrier does not count them. */
  readonly lost: number;
  /** 0 if the carrier does not count them. */
  readonly releases: number;
  /** The producer's own signature, if the carrier passes it on. */
  readonly signature: Signature | null;
  /** What the carrier says about the job besides its body; null if it says nothing. */
  readonly label: JobLabel | null;
  /** The job id that the request's signature covers. It must be the envelope's. Null if it covers none. */
  readonly signedId: string | null;
  /** Stops this request from running its job a second time. Null if a repeated request cannot be told from a new one. */
  readonly replayProtection: ReplayProtection | null;
}

/** Throws `PushRefused` unless both ids are the same: one signature must not run or store a job with another id. */
export function assertSignedId(signedId: string, id: string): void {
  if (signedId === id) return;
  const why = `webhook-id is "${signedId}", but the envelope's id is "${id}": sign and send the envelope's own id`;
  throw new PushRefused(400, "CARRIER_INVALID", why, true);
}
