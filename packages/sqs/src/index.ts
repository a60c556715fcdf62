import type { BackendFactory, ExaminableBackend, InspectableBackend } from "@waybill/core/backend";
import { openSqs } from "./backend.ts";
import { settingsOf, type SqsOptions } from "./options.ts";
import { optionsFromUrl } from "./url.ts";

export { fifoCapabilities, standardCapabilities } from "./capabilities.ts";
export {
  type LambdaContext,
  type LambdaResponse,
  type SqsEvent,
  sqsHandler,
  type SqsHandler,
  type SqsHandlerOptions,
  type SqsRecord,
} from "./lambda.ts";
export type { SqsOptions } from "./options.ts";

/** A `BackendFactory` whose backend has an `inspector` and a `doctor`. */
export type SqsFactory = (...context: Parameters<BackendFactory>) => Promise<InspectableBackend & ExaminableBackend>;

/** Returns a backend on Amazon SQS, for `connect`. Throws `CONFIG_INVALID` for options that are unknown or cannot work. */
export function sqsBackend(options: SqsOptions): SqsFactory {
  const settings = settingsOf(options);
  return (context) => openSqs(settings, context);
}

/**
 * Returns a backend on the SQS of a URL, such as `sqs://eu-west-1/shop?fifo=true`. The README lists the parameters. Throws
 * `CONFIG_INVALID` for a URL that cannot be read or has an unknown parameter.
 */
export function fromUrl(url: string): SqsFactory {
  return sqsBackend(optionsFromUrl(url));
}
