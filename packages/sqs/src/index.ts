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

/** Opens with an `inspector` and a `doctor`, which the general `BackendFactory` does not promise. */
export type SqsFactory = (...context: Parameters<BackendFactory>) => Promise<InspectableBackend & ExaminableBackend>;

/** Jobs in Amazon SQS, standard or FIFO. Throws CONFIG_INVALID for bad options. */
export function sqsBackend(options: SqsOptions): SqsFactory {
  const settings = settingsOf(options);
  return (context) => openSqs(settings, context);
}

/**
 * The same from `sqs://eu-west-1/shop?fifo=true`; the README names the parameters. Throws `CONFIG_INVALID` for a
 * parameter that it does not know.
 */
export function fromUrl(url: string): SqsFactory {
  return sqsBackend(optionsFromUrl(url));
}
