import type { Attributes } from "@opentelemetry/api";
import type { Origin } from "../../job/delivery.ts";

/** The names of the conventions, where they differ from ours. */
const SYSTEMS: Readonly<Record<string, string>> = {
  native: "waybill",
  postgres: "postgresql",
  pubsub: "gcp_pubsub",
  sns: "aws.sns",
  sqs: "aws_sqs",
  sqsd: "aws_sqs",
};

/** Addresses with a server. A region or a file is no server. */
const SERVER = /^(?:rediss?|amqps?|postgres(?:ql)?):\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/?#,]+)(?::(\d+))?(?=[/?#]|$)/;

const known = new WeakMap<Origin, Attributes>();

/** Returns the attributes for a backend or carrier, for every span and measurement. */
export function originAttributes(origin: Origin): Attributes {
  const before = known.get(origin);
  if (before !== undefined) return before;
  const [, host, port] = SERVER.exec(origin.address ?? "") ?? [];
  const attributes: Attributes = {
    "messaging.system": SYSTEMS[origin.name] ?? origin.name,
    ...(host !== undefined && { "server.address": host.replace(/^\[|\]$/g, "") }),
    ...(port !== undefined && { "server.port": Number(port) }),
  };
  known.set(origin, attributes);
  return attributes;
}
