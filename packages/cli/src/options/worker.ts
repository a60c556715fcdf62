import { type Command, Option } from "commander";
import type { Duration, SignaturePolicies } from "@waybill/core";
import { bytes, duration, nonEmpty, policies, port, type QueueWeights, weights, wholeNumber } from "./values.ts";

/** A platform that says beforehand that it ends the worker. */
export type Platform = "ec2" | "ecs" | "kubernetes";

/** Options of a worker process, which `doctor` prints. */
export interface WorkerFlags {
  readonly jobs?: string;
  readonly queues?: QueueWeights;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly lease: Duration;
  readonly heartbeat: Duration;
  readonly drain: Duration;
  readonly abort: Duration;
  readonly close: Duration;
  readonly maxLost: number;
  readonly programVersion?: string;
  /** Bytes. Omitted: no limit. */
  readonly maxMemory?: number;
  /** Omitted: none. */
  readonly shutdownFile?: string;
  readonly signatures?: SignaturePolicies;
  /** Omitted: nothing listens. */
  readonly metricsPort?: number;
  readonly metricsHost: string;
  /** Omitted: only signals stop the worker. */
  readonly platform?: Platform;
  /** Omitted: no lifecycle action is completed. */
  readonly lifecycleHook?: string;
}

export function jobsOption(): Option {
  return new Option("--jobs <file>", "module with the jobs: its handlerFor exports, or its array `jobs`").env(
    "WAYBILL_JOBS",
  );
}

/** Other names of two options, and the default of `--queues`, for the help text. */
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

/** Adds every option of a worker except `--jobs`, which only some commands require. */
export function workerOptions(command: Command, names: WorkerOptionNames = OWN_NAMES): Command {
  return command
    .option(
      "--queues <names>",
      `queues to lease from, with weights if any: media=3,mailers (default: ${names.queues})`,
      weights,
    )
    .option(`${names.concurrency} <count>`, "jobs at once", wholeNumber(1), 10)
    .option("--prefetch <count>", "quick jobs leased before a slot is free; 0: none", wholeNumber(0), 500)
    .option(`${names.lease} <duration>`, "a crashed worker's jobs run elsewhere after this long", duration, "30s")
    .option(
      "--heartbeat <duration>",
      "how often the worker reports that it is alive, for `waybill workers`",
      duration,
      "10s",
    )
    .option("--drain <duration>", "at shutdown, let running jobs finish for this long", duration, "20s")
    .option("--abort <duration>", "then abort them and wait this long before releasing them", duration, "4s")
    .option("--close <duration>", "then give the backend this long to close", duration, "3s")
    .option("--max-lost <count>", "dead-letter a job after it has lost this many workers", wholeNumber(1), 20)
    .option("--max-memory <size>", "shut down above this much memory, for a supervisor to restart: 512MiB, 2GiB", bytes)
    .addOption(
      new Option("--shutdown-file <path>", "a local file that keeps the summary of each shutdown (default: none)")
        .env("WAYBILL_SHUTDOWN_FILE")
        .argParser(nonEmpty),
    )
    .option(
      "--signatures <policy>",
      "whether jobs need a signature: off, optional, required, or by queue: payments=required",
      policies,
    )
    .addOption(
      new Option(
        "--metrics-port <number>",
        "serve /metrics, /health and /ready at this port; 0: any that is free (default: none)",
      )
        .env("WAYBILL_METRICS_PORT")
        .argParser(port),
    )
    .addOption(
      new Option("--metrics-host <address>", "where that port listens; 0.0.0.0: every address of this machine")
        .env("WAYBILL_METRICS_HOST")
        .default("127.0.0.1"),
    )
    .addOption(
      new Option(
        "--platform <name>",
        "drain when the platform ends the machine: ec2, ecs or kubernetes (default: on signals)",
      )
        .env("WAYBILL_PLATFORM")
        .choices(["ec2", "ecs", "kubernetes"]),
    )
    .addOption(
      new Option("--lifecycle-hook <name>", "on ec2: the Auto Scaling group's hook, completed after the drain")
        .env("WAYBILL_LIFECYCLE_HOOK")
        .argParser(nonEmpty),
    )
    .addOption(
      new Option("--program-version <text>", "shown by `waybill workers` (default: the version in package.json)").env(
        "WAYBILL_PROGRAM_VERSION",
      ),
    );
}
