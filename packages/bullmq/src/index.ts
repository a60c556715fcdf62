import type { BackendContext } from "@waybill/core/backend";
import { type BullmqBackend, openBullmq } from "./backend.ts";
import { type BullmqOptions, optionsFromUrl, settingsOf } from "./options.ts";

export { bullmqCapabilities } from "./capabilities.ts";
export type { BullmqBackend } from "./backend.ts";
export type { BullmqOptions } from "./options.ts";

/** Opens with an `inspector` and a `doctor`, which the general `BackendFactory` does not promise. */
export type BullmqFactory = (context: BackendContext) => Promise<BullmqBackend>;

/** Jobs in Redis. BullMQ's own scripts keep them. Throws CONFIG_INVALID for bad options. */
export function bullmqBackend(options: BullmqOptions): BullmqFactory {
  const settings = settingsOf(options);
  return (context) => openBullmq(settings, context);
}

/**
 * The same from `redis://host:6379/0?prefix=waybill`; the README names the parameters. Throws `CONFIG_INVALID` for a
 * parameter that it does not know.
 */
export function fromUrl(url: string): BullmqFactory {
  return bullmqBackend(optionsFromUrl(url));
}
