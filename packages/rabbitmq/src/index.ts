import type { BackendFactory, ExaminableBackend, InspectableBackend } from "@waybill/core/backend";
import { openRabbit } from "./backend.ts";
import { type RabbitmqOptions, settingsOf } from "./options.ts";
import { optionsFromUrl } from "./url.ts";

export { rabbitmqCapabilities } from "./capabilities.ts";
export type { RabbitmqOptions } from "./options.ts";

/** A `BackendFactory` whose backend has an `inspector` and a `doctor`. */
export type RabbitmqFactory = (
  ...context: Parameters<BackendFactory>
) => Promise<InspectableBackend & ExaminableBackend>;

/** Returns a backend on RabbitMQ, for `connect`. Throws `CONFIG_INVALID` for options that are unknown or cannot work. */
export function rabbitmqBackend(options: RabbitmqOptions): RabbitmqFactory {
  const settings = settingsOf(options);
  return (context) => openRabbit(settings, context);
}

/**
 * Returns a backend on the RabbitMQ of a URL, such as `amqp://user:password@host:5672/vhost?queueType=classic`. The README
 * lists the parameters. Throws `CONFIG_INVALID` for a URL that cannot be read or has an unknown parameter.
 */
export function fromUrl(url: string): RabbitmqFactory {
  return rabbitmqBackend(optionsFromUrl(url));
}
