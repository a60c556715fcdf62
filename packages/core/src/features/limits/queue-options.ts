/** One queue of a worker: its weight, and its limits over all workers. Workers of a queue must have the same limits. */
export interface QueueOptions {
  /** From 1 to 1,000, as in `{ mailers: 3 }`. Default 1. */
  readonly weight?: number | undefined;
  /** The most jobs of the queue that run at once, over all workers. From 1 to 10,000. Omitted: any number. */
  readonly concurrency?: number | undefined;
  /** How many jobs of the queue start in a period, over all workers: `"100/1s"`. Omitted: any number. */
  readonly rate?: string | undefined;
  /** How many jobs of the queue may start at once after a pause, from 1. Needs `rate`. Default 1. */
  readonly burst?: number | undefined;
  /**
   * True: many jobs of one tenant must not delay those of others. Kept by SQS, whose message groups are tenants; every other
   * backend refuses it when the worker is made. Default false.
   */
  readonly tenantFairness?: boolean | undefined;
}
