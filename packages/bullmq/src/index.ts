import type { BackendContext } from "@waybill/core/backend";
import { type BullmqBackend, openBullmq } from "./backend.ts";
import { type BullmqOptions, settingsOf } from "./options/options.ts";
import { optionsFromUrl } from "./options/url-parameters.ts";

export { bullmqCapabilities } from "./capabilities.ts";
export type { BullmqBackend } from "./backend.ts";
export type { BullmqJobsOptions } from "./import/bullmq-jobs.ts";
export { bullmqJobs } from "./import/bullmq-jobs.ts";
export type { BullmqOptions } from "./options/options.ts";

/** A `BackendFactory` whose backend also has an `inspector`, a `doctor` and a worker registry. */
export type BullmqFactory = (context: BackendContext) => Promise<BullmqBackend>;

/** Returns a factory for jobs in Redis, stored by BullMQ's own scripts. Throws `CONFIG_INVALID` for a wrong option. */
export function bullmqBackend(options: BullmqOptions): BullmqFactory {
  const settings = settingsOf(options);
  return (context) => openBullmq(settings, context);
}

/**
 * Returns the same factory from a URL such as `redis://host:6379/0?prefix=waybill`. The README lists the parameters. Throws
 * `CONFIG_INVALID` for a wrong or unknown parameter.
 */
export function fromUrl(url: string): BullmqFactory {
  return bullmqBackend(optionsFromUrl(url));
}
