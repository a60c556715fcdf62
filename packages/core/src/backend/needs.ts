import { WaybillError } from "../errors.ts";
import type { Capabilities } from "./capabilities.ts";

/** One thing that a job needs from its backend. `Requirement` is what a program needs from it. */
export type Need =
  | { readonly kind: "delay"; readonly delayMs: number }
  | { readonly kind: "retryDelay"; readonly delayMs: number }
  | { readonly kind: "priority" }
  /** `bytes` of UTF-8. */
  | { readonly kind: "bodyBytes"; readonly bytes: number }
  | { readonly kind: "timeout"; readonly timeoutMs: number }
  | { readonly kind: "dedupe" };

/** How a need is met. A need is never ignored. */
export type Verdict =
  | { readonly kind: "native" }
  /** Core does it instead: it releases the job until its time has come. */
  | { readonly kind: "emulated" }
  /** Refused when the program starts, or when the call is made. `remedy` says what to do instead. */
  | { readonly kind: "refused"; readonly remedy: string };

const native: Verdict = { kind: "native" };
const emulated: Verdict = { kind: "emulated" };
const refused = (remedy: string): Verdict => ({ kind: "refused", remedy });

/** Returns how a backend with these capabilities meets the need. */
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
      return has.uniqueKeys
        ? native
        : refused(
            'connect with a ledger, which then keeps the keys: { ledger: "postgres://…" }; or remove `unique` and `dedupe`',
          );
  }
}

/** A lease that lasts as long as the connection does not limit a run; the service may. */
function longestRunMs({ maxLeaseMs, maxRunMs = Infinity }: Capabilities): number {
  return Math.min(maxRunMs, maxLeaseMs === 0 ? Infinity : maxLeaseMs);
}

/** Throws `CAPABILITY_MISSING` if the backend refuses the need. `asker` begins the message: `job "x" waits between attempts`. */
export function assertSupported(need: Need, has: Capabilities, asker: string): void {
  const verdict = judge(need, has);
  if (verdict.kind !== "refused") return;
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${asker}, which this backend refuses (${need.kind}): ${verdict.remedy}`,
  );
}
