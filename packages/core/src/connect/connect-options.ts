import type { OptionNames } from "../known-options.ts";
import { PRODUCER_OPTIONS, type ProducerOptions } from "../producer/producer-options.ts";

/** Options of a connection: those of a producer, and two that describe its workers. */
export interface ConnectOptions extends ProducerOptions {
  /** The role of this process, shown in the log line of its start. Default "worker". */
  readonly role?: string | undefined;
  /** The version of this program, such as a release or a commit, shown by `workers()`. Omitted: null. */
  readonly version?: string | undefined;
}

export const CONNECT_OPTIONS: OptionNames<ConnectOptions> = { ...PRODUCER_OPTIONS, role: true, version: true };
