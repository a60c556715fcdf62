/** What a backend does by itself, computed when it is opened. Limits rather than flags wherever a limit exists. */
export interface Capabilities {
  /** Longest `delayMs` that `enqueue` honours. Infinity: any. 0: none. */
  readonly maxDelayMs: number;
  /** Longest `delayMs` that `retry` honours. Infinity: any. 0: none. */
  readonly maxRetryDelayMs: number;
  /** Longest wait before a run even by hops, because the store forgets what is older. Absent: any. */
  readonly maxWaitMs?: number;
  /**
   * True: what is leased is due, since the store waits for any delay to its end, so that no worker's clock is asked
   * again. Absent: core releases what comes before its time by the worker's clock.
   */
  readonly leasesWhenDue?: boolean;
  /** Distinct priorities told apart. 1: none, 201: all of −100 to 100. */
  readonly priorityLevels: number;
  /** Bytes of `body` in UTF-8. */
  readonly maxBodyBytes: number;
  /** Messages, or leases, per `enqueue`, `ack` or `extend` call. */
  readonly maxBatch: number;
  /** Bytes of all bodies in one `enqueue` call. Infinity: only `maxBatch` counts. */
  readonly maxBatchBytes: number;
  /** Calls of one verb worth having under way at once; more are gathered. Infinity: any. */
  readonly maxInFlight: number;
  /** Longest lease, extensions included. Infinity: any. 0: the lease lasts as long as the connection, for as long as that is known to be up. */
  readonly maxLeaseMs: number;
  /** Longest a job may run where its lease is not timed but its run is. Absent, or Infinity: any. */
  readonly maxRunMs?: number;
  /** Whether `lost` on a lease is true to what happened. */
  readonly countsLost: boolean;
  /** Whether `releases` on a lease is true to what happened. */
  readonly countsReleases: boolean;
  /** True: the store knows only deliveries, so that `attempt` counts releases and losses too. Absent: failures alone. */
  readonly countsDeliveries?: boolean;
  /** "fifo": same priority and due time leave in the order they came; "none": no promise. */
  readonly ordering: "fifo" | "none";
  /** Whether an id enqueued again while it is held is noticed (`stored: false`, or `ID_CONFLICT`). If not, both copies run. */
  readonly uniqueIds: boolean;
  /** Whether a stored message survives the end of every process and of the machine. */
  readonly durable: boolean;
}

/** What a program asks of a backend. */
export type Need =
  | { readonly kind: "delay"; readonly delayMs: number }
  | { readonly kind: "retryDelay"; readonly delayMs: number }
  | { readonly kind: "priority" }
  /** `bytes` of UTF-8. */
  | { readonly kind: "bodyBytes"; readonly bytes: number }
  | { readonly kind: "timeout"; readonly timeoutMs: number }
  | { readonly kind: "dedupe" };

/** How a need is met. There is no fourth way: a need is never quietly dropped. */
export type Verdict =
  | { readonly kind: "native" }
  /** Core bridges it: the job hops by uncounted releases until its time. */
  | { readonly kind: "emulated" }
  /** Refused when the program starts, or when the call is made; `wayOut` says what to do instead. */
  | { readonly kind: "refused"; readonly wayOut: string };

const native: Verdict = { kind: "native" };
const emulated: Verdict = { kind: "emulated" };
const refused = (wayOut: string): Verdict => ({ kind: "refused", wayOut });

/** The whole fill-in policy, in one place. */
export function judge(need: Need, has: Capabilities): Verdict {
  switch (need.kind) {
    case "delay":
      if (need.delayMs <= has.maxDelayMs) return native;
      if (need.delayMs > (has.maxWaitMs ?? Infinity))
        return refused(`wait at most ${has.maxWaitMs} ms, and enqueue later`);
      return has.maxRetryDelayMs > 0 ? emulated : refused("enqueue without a delay, or use a backend that has delays");
    case "retryDelay":
      if (need.delayMs <= has.maxRetryDelayMs) return native;
      if (need.delayMs > (has.maxWaitMs ?? Infinity)) return refused(`set retry.max to at most ${has.maxWaitMs} ms`);
      return has.maxRetryDelayMs > 0 ? emulated : refused("use a backend that can delay a retry");
    case "priority":
      return has.priorityLevels > 1 ? native : refused("use one queue per priority and give the queues weights");
    case "bodyBytes":
      return need.bytes <= has.maxBodyBytes
        ? native
        : refused(`store the data elsewhere and enqueue a reference; the limit is ${has.maxBodyBytes} bytes`);
    case "timeout":
      return need.timeoutMs <= longestRunMs(has)
        ? native
        : refused(`set a timeout of at most ${longestRunMs(has)} ms, or split the job`);
    case "dedupe":
      return refused("remove `dedupe`; no backend keeps unique keys yet");
  }
}

/** A lease that lasts as long as the connection bounds no run; the service may all the same. */
function longestRunMs({ maxLeaseMs, maxRunMs = Infinity }: Capabilities): number {
  return Math.min(maxRunMs, maxLeaseMs === 0 ? Infinity : maxLeaseMs);
}
