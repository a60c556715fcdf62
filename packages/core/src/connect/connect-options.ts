import type { OptionNames } from "../known-options.ts";
import type { RecordOptions } from "../features/records/record-options.ts";
import type { Duration } from "../time/duration.ts";
import { PRODUCER_OPTIONS, type ProducerOptions } from "../producer/producer-options.ts";

/** Options of a connection: those of a producer, two that describe its workers, and what is recorded. */
export interface ConnectOptions extends ProducerOptions {
  /** The role of this process, shown in the log line of its start. Default "worker". */
  readonly role?: string | undefined;
  /** The version of this program, such as a release or a commit, shown by `workers()`. Omitted: null. */
  readonly version?: string | undefined;
  /**
   * Records what happens to each job, for `jobs.records` and `jobs.watch`: how long, such as "7d", or more options. Give it to
   * producers and workers alike. Needs a backend that keeps records, or a ledger of one. Default: nothing is recorded.
   */
  readonly records?: Duration | RecordOptions | undefined;
}

export const CONNECT_OPTIONS: OptionNames<ConnectOptions> = {
  ...PRODUCER_OPTIONS,
  role: true,
  version: true,
  records: true,
};
