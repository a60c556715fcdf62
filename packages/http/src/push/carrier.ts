import type { Buffer } from "node:buffer";
import type { InboundDelivery } from "./inbound-delivery.ts";
import type { PushRequest } from "./push-request.ts";
import type { PushResponse } from "./push-response.ts";

/** A service or program that delivers jobs over HTTP. Each module in `carriers/` implements one; this is the contract. */
export interface Carrier {
  /** "native", "sqsd", … for logs. */
  readonly name: string;
  /** False: the carrier does not wait long enough for a job to run, so its jobs can only be relayed. */
  readonly waitsForJobs: boolean;
  /**
   * How many requests may wait for a free slot. Requests beyond it get 429 at once. Use 0 unless a 429 costs the job one of
   * few deliveries. During a shutdown, requests of a carrier above 0 get their 503 only once the last job has ended.
   */
  readonly maxWaiting: number;
  /** Milliseconds until the carrier counts a delivery as failed and delivers again. Infinity: not known. */
  readonly ackDeadlineMs: number;
  /** The carrier's name for that setting, for the warning about jobs that may take longer. */
  readonly ackDeadlineSetting?: string;
  /** Paths that the carrier posts to besides the endpoint's own, from the root of the server. */
  readonly paths: readonly string[];
  /** Types of jobs that the carrier itself creates. A receiver must have handlers for them. */
  readonly createsTypes?: readonly string[];
  /**
   * Returns true if the headers are those of this carrier. Reads no body and verifies nothing. `here`: the request came to
   * the endpoint's own path. At any other path, return true only for headers that no other program sends: the request is
   * then refused, with a line in the log.
   */
  recognises(request: Pick<PushRequest, "method" | "path" | "headers">, here: boolean): boolean;
  /**
   * False: the carrier drops a job once its deliveries are spent, so a receiver needs `keepDead`. Omitted: true.
   */
  readonly keepsDeadLetters?: boolean;
  /**
   * True: the carrier settles each job by `waybill-outcome` and keeps dead letters in the job's queue, so a receiver does
   * not call `keepDead`. Omitted: a receiver calls `keepDead` if it has one.
   */
  readonly settlesByOutcome?: boolean;
  /**
   * Returns true if nothing in the request authenticates its sender. The endpoint then refuses requests from browsers and
   * from unknown addresses behind a proxy. Omitted: every request is authenticated.
   */
  isUnauthenticated?(request: Pick<PushRequest, "headers">): boolean;
  /** Why this carrier requires `allowIps`, and what to do. An endpoint without `allowIps` throws this text. */
  readonly needsIpAllowlist?: string;
  /**
   * Refuses requests whose headers alone show that they are stale, malformed or of an unknown sender. Called before the
   * body is read. Throws as `authenticate` does. Omitted: the body is needed to decide.
   */
  checkHeaders?(request: PushRequest): void | Promise<void>;
  /**
   * Verifies the sender, as far as `checkHeaders` has not, and unwraps the job. Throws `PushRefused`: `forbidden(why)`, 400
   * `CARRIER_INVALID`, or 503 `KEYS_UNAVAILABLE` if the signature could not be verified. Returns null for an authenticated
   * request without a job, such as the confirmation of a subscription; it gets 200.
   */
  authenticate(request: PushRequest, body: Buffer): InboundDelivery | null | Promise<InboundDelivery | null>;
  /** Returns the response as this carrier expects it, refusals included. Omitted: the response is sent unchanged. */
  mapResponse?(response: PushResponse): PushResponse;
}
