import type { Producer } from "@waybill/core";
import { assertGuardOptions, assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { configuredCarriers, type Senders } from "../carriers/configured-carriers.ts";
import type { EndpointOptions } from "../endpoint/endpoint-options.ts";
import { KEYS_NEEDED } from "../options/unsigned-keys.ts";
import { createEndpoint, type Endpoint } from "../endpoint/endpoint.ts";
import { asFetch, type FetchFrom } from "../endpoint/fetch-endpoint.ts";
import { requireConnection } from "./require-connection.ts";
import { createStoringProcessor } from "./storing-processor.ts";

/** Where pushed jobs are stored, and which senders may push them. */
export interface RelayOptions extends EndpointOptions, Senders {
  /** The queue's connection, from `connect` or `connectProducer`. Its events report stored and refused jobs. */
  readonly to: Producer;
  /** Default "/work". */
  readonly path?: string | undefined;
}

/** Stores pushed jobs and responds once they are durable. No job runs here. */
export interface Relay extends Endpoint {
  (request: Request, from?: FetchFrom): Promise<Response>;
  readonly path: string;
}

const RELAY_OPTIONS: OptionNames<RelayOptions> = {
  path: true,
  maxBodyBytes: true,
  bodyTimeout: true,
  allowIps: true,
  allowHosts: true,
  tolerance: true,
  keys: true,
  carriers: true,
  to: true,
};

/**
 * Stores pushed jobs in a queue instead of running them: for carriers that do not wait until a job has ended, and for jobs
 * that need a queue's retries. Throws `CONFIG_INVALID` for an option that does not exist or makes no sense.
 */
export function createRelay(given: RelayOptions): Relay {
  assertKnownOptions(given, RELAY_OPTIONS, "the options of createRelay");
  // Without carriers a relay cannot go without keys.
  const remedy = given.carriers ? undefined : KEYS_NEEDED;
  if ("keys" in given) assertGuardOptions(given, ["keys"], "the options of createRelay", remedy);
  assertGuardOptions(given, ["allowIps", "allowHosts"], "the options of createRelay");
  const { to, path = "/work", ...options } = given;
  const { events } = requireConnection(to, "relay");
  const carriers = configuredCarriers(options);
  const endpoint = createEndpoint({ ...options, path, carriers, events }, createStoringProcessor(to));
  return Object.assign(asFetch(endpoint), { path });
}
