import type { BackendFactory } from "../backend/contract.ts";
import { createProducerSeam, type ProducerSeam } from "../backend/producer-seam.ts";
import { WaybillError } from "../errors.ts";
import { assertKnownOptions } from "../known-options.ts";
import { PRODUCER_OPTIONS, type ProducerOptions } from "../producer/producer-options.ts";
import type { Producer } from "../producer/producer.ts";
import { openProducer } from "./open-producer.ts";
import type { Half } from "./open-seam.ts";

/**
 * Opens a connection that only enqueues, by a URL or a factory from a backend package. A bundle of it has no worker. Rejects
 * `CONFIG_INVALID`, `CAPABILITY_MISSING` or `BACKEND_UNAVAILABLE`, with what to do in the message. An undefined target, such as
 * an environment variable that is not set, rejects `CONFIG_INVALID`.
 */
export async function connectProducer(
  target: string | BackendFactory | undefined,
  options: ProducerOptions = {},
): Promise<Producer> {
  assertKnownOptions(options, PRODUCER_OPTIONS, "the options of connectProducer");
  return (await openProducer(target, options, producing)).producer;
}

/** A producer never empties an inbox, since it never leases. */
const producing: Half<ProducerSeam> = {
  context: () => ({
    admit() {
      throw new WaybillError("CONFIG_INVALID", "a connection made by connectProducer leases nothing; use connect");
    },
    report: { rejected() {}, failed() {}, succeeded() {} },
  }),
  seam: createProducerSeam,
};
