import type { BackendFactory } from "@waybill/core";
import { openSqs } from "./backend.ts";
import { settingsOf, type SqsOptions } from "./options.ts";
import { optionsFromUrl } from "./url.ts";

export { fifoCapabilities, standardCapabilities } from "./capabilities.ts";
export { type LambdaContext, type LambdaResponse, type SqsEvent, sqsHandler, type SqsRecord } from "./lambda.ts";
export type { SqsOptions } from "./options.ts";

/** Jobs in Amazon SQS queues, standard or FIFO. Throws CONFIG_INVALID for bad options. */
export function sqsBackend(options: SqsOptions): BackendFactory {
  const settings = settingsOf(options);
  return (context) => openSqs(settings, context);
}

/** The same from `sqs://eu-west-1/shop?fifo=true`; the README names the parameters. */
export function fromUrl(url: string): BackendFactory {
  return sqsBackend(optionsFromUrl(url));
}
