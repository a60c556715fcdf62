import type { Features } from "../contract-case.ts";

export const timedLeases = (has: Features): true | string =>
  has.maxLeaseMs !== 0 || "leases last as long as the connection (maxLeaseMs 0)";

export const connectionLeases = (has: Features): true | string => has.maxLeaseMs === 0 || "leases are timed";

export const delays = (has: Features): true | string => has.maxDelayMs > 0 || "no delay at enqueue (maxDelayMs 0)";

export const retryDelays = (has: Features): true | string =>
  has.maxRetryDelayMs > 0 || "no delay at retry (maxRetryDelayMs 0)";

export const priorities = (has: Features): true | string =>
  has.priorityLevels > 1 || "no priorities (priorityLevels 1)";

export const fifo = (has: Features): true | string =>
  has.ordering === "fifo" || 'no order is promised (ordering "none")';

export const uniqueIds = (has: Features): true | string =>
  has.uniqueIds || "the same id may be stored twice (uniqueIds false)";

export const uniqueKeys = (has: Features): true | string =>
  has.uniqueKeys === true || "it keeps no unique keys (uniqueKeys)";

export const bodyLimit = (has: Features): true | string =>
  has.maxBodyBytes <= 16 * 1_048_576 || "no limit on bodies worth trying (maxBodyBytes)";

export const inspectable = (has: Features): true | string => has.inspectable || "it has no Inspector";

export const arrivals = (has: Features): true | string => has.arrivals || "nothing can arrive but by enqueue";

export const hasWorkerRegistry = (has: Features): true | string => has.hasWorkerRegistry || "it has no WorkerRegistry";

export const hasLedger = (has: Features): true | string => has.hasLedger || "it has no ledger";
export const watches = (has: Features): true | string => has.watches || "its ledger has no watch";
export const keepsRecords = (has: Features): true | string => has.keepsRecords || "it keeps no records";
export const controllable = (has: Features): true | string => has.controllable || "it has no JobControl";
export const traces = (has: Features): true | string => has.traces || "its JobControl has no trace";

export const shareable = (has: Features): true | string => has.shareable || "its store cannot be opened twice";

export const failuresCounted = (has: Features): true | string =>
  has.countsDeliveries !== true || "every delivery counts as an attempt (countsDeliveries)";

export const keyConcurrency = (has: Features): true | string =>
  has.keyConcurrency === true || "it counts no concurrency keys (keyConcurrency)";

export const storeClock = (has: Features): true | string =>
  has.leasesWhenDue === true || "a worker's clock decides as well whether a job is due (leasesWhenDue)";

export const excludesTypes = (has: Features): true | string =>
  has.excludesTypes === true || "it leaves no types out (excludesTypes)";

/** All of several features, in the order given; the first reason found is the reason. */
export const allOf =
  (...features: readonly ((has: Features) => true | string)[]) =>
  (has: Features): true | string => {
    for (const requirement of features) {
      const result = requirement(has);
      if (result !== true) return result;
    }
    return true;
  };
