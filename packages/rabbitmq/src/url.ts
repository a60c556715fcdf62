import {
  anyText,
  configInvalid,
  decodeUrlPart,
  digits,
  ignored,
  matching,
  oneOf,
  parseServerUrl,
  pemFile,
  readUrlParameters,
  shownUrl,
  trueOrFalse,
  type UrlParameter,
} from "@waybill/core/backend";
import type { RabbitmqOptions } from "./options.ts";

const ofTls = <T>(parameter: UrlParameter<T>): UrlParameter<T> => ({ ...parameter, tls: true });
const number = ignored(/^\d+$/, "write a number");

const OPTIONS = {
  prefix: anyText,
  queueType: oneOf("quorum", "classic"),
  declare: trueOrFalse,
  deliveryLimit: digits,
  consumerTimeoutMs: {
    read: (text: string) => (text === "off" ? Infinity : digits.read(text)),
    remedy: 'write a whole number, or "off"',
  },
  confirmTimeoutMs: digits,
  management: anyText,
} as const;

/** Parameters of RabbitMQ's URIs and of amqplib. Those of TLS are used; heartbeats, time limits and channels are ours. */
const FOREIGN = {
  heartbeat: ignored(
    /^[1-9]\d+$/,
    "write 10 or more, in seconds; waybill uses 10 s to publish and a third of the lease, at least 1 s, to lease",
  ),
  connection_timeout: number,
  channel_max: number,
  channelMax: number,
  frame_max: number,
  frameMax: number,
  auth_mechanism: matching(
    /^((amq)?plain|external)$/i,
    "write plain, external, or open connections yourself: rabbitmqBackend({ connect })",
  ),
  verify: ofTls(oneOf("verify_peer", "verify_none")),
  cacertfile: pemFile,
  certfile: pemFile,
  keyfile: pemFile,
  server_name_indication: ofTls(matching(/^[\w.-]+$/, "write a host name, or disable")),
} as const;

/** Parses `amqp://user:password@host:port/vhost?prefix=waybill`, or `amqps:`. Throws CONFIG_INVALID. */
export function optionsFromUrl(url: string): RabbitmqOptions {
  const { protocol, hostname, port, username, password, pathname, searchParams } = parseServerUrl(url, {
    kind: "an AMQP URL",
    schemes: ["amqp", "amqps"],
    example: "amqp://user:password@host:5672/vhost",
    escaped: "user, password and vhost",
  });
  const shown = shownUrl(url);
  const vhost = pathname.slice(1);
  if (vhost.includes("/")) {
    throw configInvalid(`${shown} has two path segments; write a / in the name of a vhost as %2F`);
  }
  const isTls = protocol === "amqps:";
  const place = { shown, tlsScheme: isTls ? null : "amqps://", known: Object.keys({ ...OPTIONS, ...FOREIGN }) };
  const { verify, cacertfile, certfile, keyfile, server_name_indication, auth_mechanism, ...options } =
    readUrlParameters(searchParams, { ...OPTIONS, ...FOREIGN }, place);
  const tls = {
    ...(cacertfile !== undefined && { ca: cacertfile }),
    ...(certfile !== undefined && { cert: certfile }),
    ...(keyfile !== undefined && { key: keyfile }),
    ...(verify === "verify_none" && { rejectUnauthorized: false }),
    ...(server_name_indication !== undefined &&
      server_name_indication !== "disable" && { servername: server_name_indication }),
  };
  const decoded = (part: string, what: string): string => decodeUrlPart(part, what, shown);
  return {
    ...options,
    ...(/^external$/i.test(auth_mechanism ?? "") && { authMechanism: "external" as const }),
    ...(hostname !== "" && { hostname: hostname.replace(/^\[|\]$/g, "") }),
    ...(port !== "" && { port: Number(port) }),
    ...(username !== "" && {
      username: decoded(username, "the user"),
      password: decoded(password, "the password"),
    }),
    ...(vhost !== "" && { vhost: decoded(vhost, "the vhost") }),
    tls: isTls ? tls : false,
  };
}
