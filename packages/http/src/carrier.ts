import type { Buffer } from "node:buffer";
import type { Signature } from "@waybill/core";
import type { JobLabel } from "@waybill/core/door";
import { PushRefused } from "./problem.ts";
import type { PushAnswer, Push } from "./push.ts";
import type { Once } from "./replay.ts";

/** A job as a carrier delivers it, once the carrier's own wrapping and proof are off. */
export interface Parcel {
  /** The envelope, byte for byte as its producer wrote it; may be anything at all, `execute` judges it. */
  readonly body: string;
  /** From 1. What the carrier counts, as near as it comes to failures + 1. */
  readonly attempt: number;
  /** 0 where the carrier does not count. */
  readonly lost: number;
  /** 0 where the carrier does not count. */
  readonly releases: number;
  /** The producer's own signature, where the carrier passes it on. */
  readonly signature: Signature | null;
  /** What the carrier says of the job beside its body; null when it says nothing. */
  readonly label: JobLabel | null;
  /** The id that the proof covers, which must be the envelope's own; null when the proof covers none. */
  readonly provenId: string | null;
  /**
   * Names this very request where the same one must not run again once its job has ended, whoever sends it; null where
   * nothing tells a repetition from another request.
   */
  readonly once: Once | null;
}

/** One way jobs are pushed to us. A module each in `carriers/`; what they have in common is not in them. */
export interface Carrier {
  /** "native", "sqsd", … for logs. */
  readonly name: string;
  /** False: it does not wait long enough for a job to run, so its jobs can only be relayed. */
  readonly runs: boolean;
  /**
   * Requests that may wait while every place is taken; more are answered 429 at once. 0 unless a 429 costs the job one of
   * its few deliveries. These also wait out a shutdown before their 503.
   */
  readonly line: number;
  /** It counts a delivery that runs longer than this as failed and delivers again. Infinity: not known. */
  readonly patienceMs: number;
  /** What the carrier calls that setting, for the warning of jobs that may take longer. */
  readonly patienceSetting?: string;
  /** Where it posts besides the receiver's own path, from the root of the server. */
  readonly paths: readonly string[];
  /** Types of jobs that it makes itself: a receiver must know them. */
  readonly makes?: readonly string[];
  /**
   * By its marks alone: headers, never the body. Proves nothing, costs nothing. `here`: it came to the door's own path.
   * Elsewhere only by marks that nobody else's requests have: it is claimed, to be refused with a line in the log.
   */
  recognises(push: Pick<Push, "method" | "path" | "headers">, here: boolean): boolean;
  /**
   * False: it forgets a job once its own deliveries are spent, so that a receiver has to keep the dead ones itself.
   * Absent: true.
   */
  readonly keepsDead?: boolean;
  /**
   * True: the request proves nothing of who sent it, whatever its body. The door then refuses what a browser or a stranger
   * behind a proxy sends. Absent: every request proves it.
   */
  provesNothing?(push: Pick<Push, "headers">): boolean;
  /** Why this carrier must not be open to any peer, and what to do: said at the start where `allowPeers` is not given. */
  readonly needsPeers?: string;
  /**
   * Refuses what the headers alone show to be without proof: stale, malformed, of an unknown sender. Called before the
   * body is read and before `open`; throws what `open` throws. Absent: the body must be read to know anything.
   */
  admits?(push: Push): void | Promise<void>;
  /**
   * Proves who sent it, as far as `admits` has not, and takes the wrapping off. Throws `PushRefused`: `forbidden(why)`, 400 `CARRIER_INVALID`, or 503
   * `KEYS_UNAVAILABLE` where the proof could not be checked. Null: proved, but the carrier's own affair and no job,
   * which is answered 200.
   */
  open(push: Push, body: Buffer): Parcel | null | Promise<Parcel | null>;
  /** An answer in its own terms, refusals included, where a status means something else to it. Absent: unchanged. */
  reply?(answer: PushAnswer): PushAnswer;
}

/** Signed under one id, another job could be run or stored under the proof of the first. */
export function refuseOther(provenId: string, id: string): void {
  if (provenId === id) return;
  throw new PushRefused(400, "CARRIER_INVALID", `signed as "${provenId}", but the envelope is "${id}"`);
}
