import { type Command, Option } from "commander";
import type { Duration, SignaturePolicies } from "@waybill/core";
import { bytes, duration, policies, type QueueWeights, weights, wholeNumber } from "./option-values.ts";

/** What `worker` runs with, and `doctor` tells about. */
export interface WorkerFlags {
  readonly jobs?: string;
  readonly queues?: QueueWeights;
  readonly concurrency: number;
  readonly fetchAhead: number;
  readonly lease: Duration;
  readonly heartbeat: Duration;
  readonly drain: Duration;
  readonly abort: Duration;
  readonly close: Duration;
  readonly maxLost: number;
  readonly programVersion?: string;
  /** Bytes; absent: no limit. */
  readonly maxMemory?: number;
  readonly signatures?: SignaturePolicies;
}

export function jobsOption(): Option {
  return new Option("--jobs <file>", "module with the jobs: its handlerFor exports, or its array `jobs`").env(
    "WAYBILL_JOBS",
  );
}

/** What two of them are called besides, and where the queues come from when nobody says. */
export interface WorkerOptionNames {
  readonly concurrency: string;
  readonly lease: string;
  readonly queues: string;
}

const OWN_NAMES: WorkerOptionNames = {
  concurrency: "--concurrency",
  lease: "--lease",
  queues: "those of the jobs",
};

/** Everything but `--jobs`, which only some commands insist on. */
export function workerOptions(command: Command, names: WorkerOptionNames = OWN_NAMES): Command {
  return command
    .option(
      "--queues <names>",
      `queues to work, with weights if any: media=3,mailers (default: ${names.queues})`,
      weights,
    )
    .option(`${names.concurrency} <count>`, "jobs at once", wholeNumber(1), 10)
    .option("--fetch-ahead <count>", "quick jobs leased before a place is free; 0: none", wholeNumber(0), 500)
    .option(`${names.lease} <duration>`, "a crashed worker's jobs run elsewhere after this long", duration, "30s")
    .option("--heartbeat <duration>", "say this often that the worker lives, for `waybill workers`", duration, "10s")
    .option("--drain <duration>", "at shutdown, let running jobs finish for this long", duration, "20s")
    .option("--abort <duration>", "then abort them and wait this long before handing them back", duration, "4s")
    .option("--close <duration>", "then give the backend this long to close", duration, "3s")
    .option("--max-lost <count>", "dead-letter a job whose workers died this often", wholeNumber(1), 20)
    .option("--max-memory <size>", "stop well, to be started afresh, past this much memory: 512MiB, 2GiB", bytes)
    .option(
      "--signatures <policy>",
      "jobs run by their signature: off, optional, required, or by queue: payments=required",
      policies,
    )
    .addOption(
      new Option("--program-version <text>", "shown by `waybill workers` (default: the version in package.json)").env(
        "WAYBILL_PROGRAM_VERSION",
      ),
    );
}
