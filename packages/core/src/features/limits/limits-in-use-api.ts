import type { SlotJob } from "../why/why-api.ts";

/** One key of a limit that jobs run or wait under. */
export interface LimitInUse {
  /** "concurrency": how many run at once. "rate": how often jobs start. */
  readonly kind: "concurrency" | "rate";
  /** The name of the limit; null for the limit of a queue. */
  readonly limit: string | null;
  /** The key, or the queue. One of more than 160 characters is shown by its hash where only the ledger names it. */
  readonly key: string;
  /** The most jobs that run at once, as the live workers have it; null for a rate, and where no live worker has the limit. */
  readonly most: number | null;
  /** How many slots are taken; always 0 for a rate. */
  readonly taken: number;
  /** The jobs that have them, at most 100. */
  readonly jobs: readonly SlotJob[];
  /** Jobs that wait for it, as far as they were looked at; null where the backend lets no one look. */
  readonly waiting: number | null;
  /** Milliseconds until a rate has its next start free, 0 for now; null for a concurrency limit. */
  readonly freeInMs: number | null;
}

/** The limits of a backend that are in use. */
export interface LimitsInUse {
  /** Those with the most jobs that wait come first. */
  readonly limits: readonly LimitInUse[];
  /** True: there were more than 1,000 jobs or slots of a kind, and the rest was not looked at. */
  readonly isCut: boolean;
}
