import { type KeyRing, keyRing, type Producer, type Signature } from "@waybill/core";
import { assertGuardOptions, assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { signedBy } from "../carriers/native.ts";
import type { EndpointOptions } from "../endpoint/endpoint-options.ts";
import { createEndpoint, type Endpoint } from "../endpoint/endpoint.ts";
import { asFetch, type FetchFrom } from "../endpoint/fetch-endpoint.ts";
import { KEYS_NEEDED } from "../options/unsigned-keys.ts";
import type { Carrier } from "../push/carrier.ts";
import type { InboundDelivery } from "../push/inbound-delivery.ts";
import { seconds } from "../push/producer-signature.ts";
import { header, type PushRequest } from "../push/push-request.ts";
import { createBatchProcessor } from "./batch.ts";
import { requireConnection } from "./require-connection.ts";
import { createStoringProcessor } from "./storing-processor.ts";

/** Where new jobs are stored, and which producers may send them. */
export interface IngressOptions extends EndpointOptions {
  /** The queue's connection, from `connect` or `connectProducer`. Its events report stored and refused jobs. */
  readonly to: Producer;
  /** Secrets of producers: a key ring, `whsec_…`, or "unsigned". */
  readonly keys: KeyRing | string | readonly string[] | undefined;
  /** The path of single jobs. Batches are sent to "/batch" below it. Default "/jobs". */
  readonly path?: string | undefined;
}

/** Stores jobs that producers POST: for programs that have HTTP and no client of the backend. */
export interface Ingress extends Endpoint {
  (request: Request, from?: FetchFrom): Promise<Response>;
  readonly path: string;
}

const INGRESS_OPTIONS: OptionNames<IngressOptions> = {
  path: true,
  maxBodyBytes: true,
  bodyTimeout: true,
  allowIps: true,
  allowHosts: true,
  tolerance: true,
  to: true,
  keys: true,
};

/**
 * Accepts new jobs over HTTP and responds once they are durable. Throws `CONFIG_INVALID` for an option that does not exist
 * or makes no sense.
 */
export function createIngress(given: IngressOptions): Ingress {
  assertKnownOptions(given, INGRESS_OPTIONS, "the options of createIngress");
  assertGuardOptions(given, ["keys"], "the options of createIngress", KEYS_NEEDED);
  assertGuardOptions(given, ["allowIps", "allowHosts"], "the options of createIngress");
  const { to, keys, path = "/jobs", ...options } = given;
  // A producer signs the job itself. The ingress and the worker verify the same signature.
  const carrier = signedBy(keys === "unsigned" ? null : keyRing(keys), options.tolerance);
  const batchPath = path === "/" ? "/batch" : `${path}/batch`;
  const { events } = requireConnection(to, "ingress");
  const carriers = [withJobSignature(carrier)];
  const single = createEndpoint({ ...options, path, carriers, events }, createStoringProcessor(to));
  const batchOptions = { ...options, path: batchPath, carriers: [carrier], events };
  const batch = createEndpoint(batchOptions, createBatchProcessor(to));
  const endpointFor = (request: Pick<PushRequest, "path">): Endpoint => (request.path === batchPath ? batch : single);
  const endpoint: Endpoint = {
    matches: (request) => endpointFor(request).matches(request),
    receive: (request) => endpointFor(request).receive(request),
  };
  return Object.assign(asFetch(endpoint), { path });
}

/** The signature of the request is the producer's, so it is stored with the job. */
function withJobSignature(carrier: Carrier): Carrier {
  return {
    ...carrier,
    async authenticate(request, body) {
      const delivery: InboundDelivery | null = await carrier.authenticate(request, body);
      return delivery && { ...delivery, signature: delivery.signature ?? signatureOf(request) };
    },
  };
}

/** Called after the signature is verified, or for an ingress that accepts unsigned jobs. */
function signatureOf({ headers }: PushRequest): Signature | null {
  const timestamp = seconds(header(headers, "webhook-timestamp"));
  const value = header(headers, "webhook-signature");
  return timestamp === null || value === null ? null : { timestamp, value };
}
