import type { BackendFactory } from "@waybill/core";
import { openRabbit } from "./backend.ts";
import { type RabbitOptions, settingsOf } from "./options.ts";
import { optionsFromUrl } from "./url.ts";

export { rabbitCapabilities } from "./capabilities.ts";
export type { RabbitOptions } from "./options.ts";

/** Jobs on RabbitMQ. Throws CONFIG_INVALID for bad options. */
export function rabbitBackend(options: RabbitOptions): BackendFactory {
  const settings = settingsOf(options);
  return (context) => openRabbit(settings, context);
}

/** The same from `amqp://user:password@host:5672/vhost?queueType=classic`; the README names the parameters. */
export function fromUrl(url: string): BackendFactory {
  return rabbitBackend(optionsFromUrl(url));
}
