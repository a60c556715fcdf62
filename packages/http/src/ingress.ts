import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { type Jobs, type KeyRing, keyRing, type Signature } from "@waybill/core";
import { createBatch } from "./batch.ts";
import { connectionOf } from "./connection-of.ts";
import type { Carrier, Parcel } from "./carrier.ts";
import { signedBy } from "./carriers/native.ts";
import { createDoor, type Door, type DoorOptions } from "./door.ts";
import { asFetch, type FetchFrom } from "./fetch.ts";
import { seconds } from "./producer-signature.ts";
import { header, type Push } from "./push.ts";
import { createStore } from "./store.ts";

/** Where new jobs are stored, and who may bring them. */
export interface IngressOptions extends DoorOptions {
  /** Where the jobs go; its events hear what is stored and what is refused. */
  readonly to: Jobs;
  /** Secrets of producers: a key ring, `whsec_…`, or "unsigned". */
  readonly keys: KeyRing | string | readonly string[];
  /** Takes one job a request; batches come to "/batch" under it. Default "/jobs". */
  readonly path?: string;
}

/** A door for producers that have HTTP and no client of the backend: what they POST is stored as a job. */
export interface Ingress extends Door {
  (request: Request, from?: FetchFrom): Promise<Response>;
  readonly path: string;
}

const INGRESS_OPTIONS: OptionNames<IngressOptions> = {
  path: true,
  maxBodyBytes: true,
  bodyTimeout: true,
  allowPeers: true,
  allowHosts: true,
  tolerance: true,
  to: true,
  keys: true,
};

/** Takes new jobs in over HTTP. Answers once they are durable. Throws `CONFIG_INVALID`. */
export function createIngress(given: IngressOptions): Ingress {
  assertKnownOptions(given, INGRESS_OPTIONS, "the options of createIngress");
  const { to, keys, path = "/jobs", ...options } = given;
  // The producer signs the job, once for the ingress and for whoever runs it.
  const sender = signedBy(keys === "unsigned" ? null : keyRing(keys), options.tolerance);
  const batchPath = path === "/" ? "/batch" : `${path}/batch`;
  const { events } = connectionOf(to, "ingress");
  const single = createDoor({ ...options, path, carriers: [producer(sender)], events }, createStore(to));
  const batch = createDoor({ ...options, path: batchPath, carriers: [sender], events }, createBatch(to));
  const doorOf = (push: Pick<Push, "path">): Door => (push.path === batchPath ? batch : single);
  const door: Door = {
    claims: (push) => doorOf(push).claims(push),
    receive: (push) => doorOf(push).receive(push),
  };
  return Object.assign(asFetch(door), { path });
}

/** Who signs here is the job's producer: the signature goes on with the job. */
function producer(sender: Carrier): Carrier {
  return {
    ...sender,
    async open(push, body) {
      const parcel: Parcel | null = await sender.open(push, body);
      return parcel && { ...parcel, signature: parcel.signature ?? signatureOf(push) };
    },
  };
}

/** By then it is verified, or nobody is to sign. */
function signatureOf({ headers }: Push): Signature | null {
  const timestamp = seconds(header(headers, "webhook-timestamp"));
  const value = header(headers, "webhook-signature");
  return timestamp === null || value === null ? null : { timestamp, value };
}
