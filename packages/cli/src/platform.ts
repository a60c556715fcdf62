import { durationMs } from "@waybill/core/endpoint";
import type { Worker } from "@waybill/core";
import type { TerminationWatch } from "@waybill/platforms";
import { CommandError } from "./exit.ts";
import type { WorkerFlags } from "./options/worker.ts";
import { printNote } from "./output/print.ts";

/** The longest time between a worker's own limits and the moment at which the watch forces it. */
const MARGIN_MS = 30_000;

/** Throws `CommandError` for options that do not fit the platform. */
export function assertPlatform({ platform, lifecycleHook, metricsPort }: WorkerFlags): void {
  if (platform === "kubernetes" && metricsPort === undefined)
    throw new CommandError(
      "USAGE",
      "--platform kubernetes serves POST /drain at --metrics-port: give it a port, such as 9464",
    );
  if (lifecycleHook !== undefined && platform !== "ec2")
    throw new CommandError("USAGE", "--lifecycle-hook belongs to --platform ec2: give both");
}

/**
 * Watches for the end of the machine, where the platform announces it to the process itself. Resolves after the first look; null
 * where there is nothing to watch. Loads `@waybill/platforms` only then.
 */
export async function watchPlatform(options: WorkerFlags, worker: Worker): Promise<TerminationWatch | null> {
  const { platform, lifecycleHook: hook } = options;
  if (platform !== "ec2" && platform !== "ecs") return null;
  const { ec2AutoScaling, ec2Spot, ecs, watchTermination } = await import("@waybill/platforms");
  const stop = (reason: string): Promise<unknown> => worker.stop(reason);
  if (platform === "ecs")
    return watchTermination({ sources: [ecs({ busy: () => worker.health().running > 0 })], stop, log: printNote });
  const limit = MARGIN_MS + limitOf(options);
  if (hook === undefined) printNote("no --lifecycle-hook: only Spot notices are watched");
  const sources = [ec2Spot(), ...(hook === undefined ? [] : [ec2AutoScaling({ hook, limit })])];
  return watchTermination({ sources, stop, log: printNote });
}

/** The sum of the limits of a shutdown, in milliseconds. */
const limitOf = ({ drain, abort, close }: WorkerFlags): number =>
  durationMs(drain, "--drain") + durationMs(abort, "--abort") + durationMs(close, "--close");
