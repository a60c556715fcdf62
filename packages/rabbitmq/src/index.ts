import type { BackendFactory, ExaminableBackend, InspectableBackend } from "@waybill/core/backend";
import { openRabbit } from "./backend.ts";
import { type RabbitOptions, settingsOf } from "./options.ts";
import { optionsFromUrl } from "./url.ts";

export { rabbitCapabilities } from "./capabilities.ts";
export type { RabbitOptions } from "./options.ts";

/** Opens with an `inspector` and a `doctor`, which the general `BackendFactory` does not promise. */
export type RabbitFactory = (...context: Parameters<BackendFactory>) => Promise<InspectableBackend & ExaminableBackend>;

/** Jobs on RabbitMQ. Throws CONFIG_INVALID for bad options. */
export function rabbitBackend(options: RabbitOptions): RabbitFactory {
  const settings = settingsOf(options);
  return (context) => openRabbit(settings, context);
}

/** The same from `amqp://user:password@host:5672/vhost?queueType=classic`; the README names the parameters. */
export function fromUrl(url: string): RabbitFactory {
  return rabbitBackend(optionsFromUrl(url));
}
