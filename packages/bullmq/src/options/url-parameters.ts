import {
  anyText,
  configInvalid,
  digits,
  ignored,
  matching,
  oneOf,
  pemFile,
  readUrlParameters,
  shownUrl,
  trueOrFalse,
  type UrlParameterTable,
} from "@waybill/core/backend";
import type { ConnectionOptions } from "node:tls";
import { parseRedisUrl } from "./location.ts";
import type { BullmqOptions } from "./options.ts";

const OURS = {
  prefix: anyText,
  strict: trueOrFalse,
  callTimeoutMs: digits,
  ack: oneOf("primary", "replicated"),
  replicas: digits,
  replicaWaitMs: digits,
  cluster: trueOrFalse,
} as const satisfies UrlParameterTable;

/** Parameters of redis-py, Celery and ioredis, and of hosts whose URLs have them. */
const OTHERS = {
  family: oneOf(0, 4, 6),
  db: matching(/^\d{1,9}$/, "write a database number"),
  ssl_cert_reqs: { ...oneOf("required", "none", "CERT_REQUIRED", "CERT_NONE"), tls: true },
  ssl_ca_certs: pemFile,
  ssl_certfile: pemFile,
  ssl_keyfile: pemFile,
  ssl_check_hostname: { ...trueOrFalse, tls: true },
  protocol: ignored(/^[23]$/, "write one of 2, 3"),
} as const satisfies UrlParameterTable;

/** Parameters that are written otherwise here. */
const INSTEAD: Readonly<Record<string, string>> = {
  keyPrefix: "under it BullMQ's scripts mix up keys; write prefix= for what every key begins with",
  key_prefix: "write prefix= for what every key begins with",
  username: "write it before the host: redis://user:password@host",
  password: "write it before the host: redis://user:password@host",
  auth: "write it before the host: redis://user:password@host",
  tls: 'for TLS begin the URL with "rediss://"',
  ssl: 'for TLS begin the URL with "rediss://"',
  rejectUnauthorized: "for a certificate that is not to be verified write ssl_cert_reqs=none",
  sentinels: "pass an ioredis client that knows the sentinels: bullmqBackend({ client })",
  sentinel_master: "pass an ioredis client that knows the sentinels: bullmqBackend({ client })",
  connectTimeout: "a connection has 5 s, and a call callTimeoutMs",
  maxRetriesPerRequest: "remove it: calls are repeated by core alone",
};

/** Reads `redis://host:6379/0?prefix=waybill&strict=false`: parameters are options. Throws `CONFIG_INVALID`. */
export function optionsFromUrl(url: string): BullmqOptions {
  const parsed = parseRedisUrl(url);
  const shown = shownUrl(url);
  const values = readUrlParameters(
    parsed.searchParams,
    { ...OURS, ...OTHERS },
    { shown, tlsScheme: parsed.protocol === "rediss:" ? null : "rediss://", instead: INSTEAD },
  );
  const { db, ssl_cert_reqs: verify, ssl_ca_certs: ca, ssl_check_hostname: checksHost, ...others } = values;
  const { ssl_certfile: cert, ssl_keyfile: key, ...options } = others;
  if (db !== undefined && /^\/./.test(parsed.pathname)) {
    throw configInvalid(`${shown} names a database in its path and by db; keep one`);
  }
  const tls: ConnectionOptions = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(/none$/i.test(verify ?? "") && { rejectUnauthorized: false }),
    ...(checksHost === false && { checkServerIdentity: () => undefined }),
  };
  const address = url.replace(/\?.*$/s, "");
  return {
    url: db === undefined ? address : `${address.replace(/\/$/, "")}/${db}`,
    ...options,
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}
