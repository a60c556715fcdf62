import type { Attributes } from "@opentelemetry/api";
import type { Origin } from "../telemetry.ts";

/** Names that the conventions have for what we call otherwise. The rest are known by our own. */
const SYSTEMS: Readonly<Record<string, string>> = {
  native: "waybill",
  postgres: "postgresql",
  pubsub: "gcp_pubsub",
  sns: "aws.sns",
  sqs: "aws_sqs",
  sqsd: "aws_sqs",
};

/** Addresses that name a server; a region or a file is none. */
const SERVER = /^(?:rediss?|amqps?|postgres(?:ql)?):\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/?#,]+)(?::(\d+))?(?=[/?#]|$)/;

const known = new WeakMap<Origin, Attributes>();

/** What every span and every measurement says of where its job is. */
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
