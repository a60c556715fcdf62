import type { BackendFactory, ExaminableBackend, InspectableBackend } from "@waybill/core/backend";
import { openRabbit } from "./backend.ts";
import { type RabbitmqOptions, settingsOf } from "./options.ts";
import { optionsFromUrl } from "./url.ts";

export { rabbitmqCapabilities } from "./capabilities.ts";
export type { RabbitmqOptions } from "./options.ts";

/** Opens with an `inspector` and a `doctor`, which the general `BackendFactory` does not promise. */
export type RabbitmqFactory = (
  ...context: Parameters<BackendFactory>
) => Promise<InspectableBackend & ExaminableBackend>;

/** Jobs on RabbitMQ. Throws CONFIG_INVALID for bad options. */
export function rabbitmqBackend(options: RabbitmqOptions): RabbitmqFactory {
  const settings = settingsOf(options);
  return (context) => openRabbit(settings, context);
}

/**
 * The same from `amqp://user:password@host:5672/vhost?queueType=classic`; the README names the parameters. Throws
 * `CONFIG_INVALID` for a parameter that it does not know.
 */
export function fromUrl(url: string): RabbitmqFactory {
  return rabbitmqBackend(optionsFromUrl(url));
}
