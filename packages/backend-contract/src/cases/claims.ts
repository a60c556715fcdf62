import type { Claims } from "../contract-case.ts";

export const timedLeases = (has: Claims): true | string =>
  has.maxLeaseMs !== 0 || "leases last as long as the connection (maxLeaseMs 0)";

export const connectionLeases = (has: Claims): true | string => has.maxLeaseMs === 0 || "leases are timed";

export const delays = (has: Claims): true | string => has.maxDelayMs > 0 || "no delay at enqueue (maxDelayMs 0)";

export const retryDelays = (has: Claims): true | string =>
  has.maxRetryDelayMs > 0 || "no delay at retry (maxRetryDelayMs 0)";

export const priorities = (has: Claims): true | string => has.priorityLevels > 1 || "no priorities (priorityLevels 1)";

export const fifo = (has: Claims): true | string => has.ordering === "fifo" || 'no order is promised (ordering "none")';

export const uniqueIds = (has: Claims): true | string =>
  has.uniqueIds || "the same id may be stored twice (uniqueIds false)";

export const bodyLimit = (has: Claims): true | string =>
  has.maxBodyBytes <= 16 * 1_048_576 || "no limit on bodies worth trying (maxBodyBytes)";

export const inspectable = (has: Claims): true | string => has.inspectable || "it has no Inspector";

export const arrivals = (has: Claims): true | string => has.arrivals || "nothing can arrive but by enqueue";

export const rostered = (has: Claims): true | string => has.rostered || "it has no Roster";

export const shareable = (has: Claims): true | string => has.shareable || "its store cannot be opened twice";

export const failuresCounted = (has: Claims): true | string =>
  has.countsDeliveries !== true || "every delivery counts as an attempt (countsDeliveries)";

/** All of several claims, in the order given; the first reason found is the reason. */
export const allOf =
  (...claims: readonly ((has: Claims) => true | string)[]) =>
  (has: Claims): true | string => {
    for (const claim of claims) {
      const answer = claim(has);
      if (answer !== true) return answer;
    }
    return true;
  };
