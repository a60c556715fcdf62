import type { ConnectionOptions } from "node:tls";
import { assertKnownOptions, describeValue, type OptionNames, wholeNumber } from "@waybill/core/backend";
import type { ChannelModel, Options } from "amqplib";
import { invalid } from "./errors.ts";

/** Where the broker is, and how its queues are declared. */
export interface RabbitmqOptions {
  /** Default "localhost". */
  readonly hostname?: string | undefined;
  /** Default 5672, with TLS 5671. */
  readonly port?: number | undefined;
  /** Default "guest". */
  readonly username?: string | undefined;
  /** Default "guest". */
  readonly password?: string | undefined;
  /** Default "/". */
  readonly vhost?: string | undefined;
  /** `true`, or options of `tls.connect`: ca, cert, key, … Default false. */
  readonly tls?: boolean | ConnectionOptions | undefined;
  /** "external": the broker logs in the user whom the client certificate names, and needs no password. Default "plain". */
  readonly authMechanism?: "plain" | "external" | undefined;
  /**
   * Opens a connection with this heartbeat, in seconds, instead of the options above. Called twice, and again whenever a
   * connection was lost. Each connection must be new; waybill closes it. After 4 s without one, calls reject
   * BACKEND_UNAVAILABLE; a value that is no connection is CONFIG_INVALID.
   */
  readonly connect?: ((heartbeatS: number) => Promise<ChannelModel>) | undefined;
  /** Begins all names on the broker: "waybill.mailers", "waybill:dead". Default "waybill". */
  readonly prefix?: string | undefined;
  /** "classic" queues are on one node, can lose jobs with it, and do not count lost deliveries. Default "quorum". */
  readonly queueType?: "quorum" | "classic" | undefined;
  /** Deliveries after which the broker dead-letters a job, on quorum queues. Set it above a worker's `maxLost`. Default 100. */
  readonly deliveryLimit?: number | undefined;
  /**
   * The broker's own `consumer_timeout`, in ms, which AMQP does not report. The broker redelivers a job that runs
   * longer, so jobs with a longer timeout are refused at start. Infinity: switched off. Default 1,800,000, as RabbitMQ's.
   */
  readonly consumerTimeoutMs?: number | undefined;
  /**
   * How long `enqueue` waits for the broker's confirm, in ms. After that it rejects ENQUEUE_UNKNOWN for a message that
   * was sent, BACKEND_UNAVAILABLE for one that was not. Default 9,500, just under the 10 s of `connect`.
   */
  readonly confirmTimeoutMs?: number | undefined;
  /**
   * The management plugin, which `waybill doctor` asks for policies, alarms and partitions: "http://host:15672". User and
   * password are those of the broker. Omitted: it is not asked.
   */
  readonly management?: string | undefined;
  /** False: queues and exchanges are not declared, only checked. Default true. */
  readonly declare?: boolean | undefined;
}

type Name = "prefix" | "queueType" | "deliveryLimit" | "consumerTimeoutMs" | "confirmTimeoutMs" | "declare";

export interface Settings extends Readonly<Required<{ [Key in Name]: NonNullable<RabbitmqOptions[Key]> }>> {
  readonly server: Options.Connect;
  readonly tls: ConnectionOptions;
  /** Whether the client certificate says who the user is. */
  readonly external: boolean;
  readonly connect: NonNullable<RabbitmqOptions["connect"]> | null;
  /** Null: there is none to ask. */
  readonly management: string | null;
  /** Without user and password. */
  readonly address: string;
}

const OPTIONS: OptionNames<RabbitmqOptions> = {
  hostname: true,
  port: true,
  username: true,
  password: true,
  vhost: true,
  tls: true,
  authMechanism: true,
  connect: true,
  prefix: true,
  queueType: true,
  deliveryLimit: true,
  consumerTimeoutMs: true,
  confirmTimeoutMs: true,
  management: true,
  declare: true,
};

/** Fills in the defaults. Throws CONFIG_INVALID. */
export function settingsOf(options: RabbitmqOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of rabbitmqBackend");
  const { prefix = "waybill", queueType = "quorum", declare = true, connect = null } = options;
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(prefix)) {
    throw invalid(`prefix is ${describeValue(prefix)}: use 1 to 40 letters, digits, _ and -`);
  }
  if (queueType !== "quorum" && queueType !== "classic") {
    throw invalid(`queueType is ${describeValue(queueType)}: use "quorum" or "classic"`);
  }
  if (connect !== null && typeof connect !== "function") {
    throw invalid(`connect is ${describeValue(connect)}: pass a function that returns a new connection of amqplib`);
  }
  const { authMechanism = "plain" } = options;
  if (authMechanism !== "plain" && authMechanism !== "external") {
    throw invalid(`authMechanism is ${describeValue(authMechanism)}: use "plain" or "external"`);
  }
  const { hostname = "localhost", vhost = "/", username = "guest", password = "guest", tls = false } = options;
  const { deliveryLimit = 100, consumerTimeoutMs = 1_800_000, confirmTimeoutMs = 9_500 } = options;
  if (authMechanism === "external" && (typeof tls !== "object" || (tls.cert ?? tls.pfx) === undefined)) {
    throw invalid(
      "authMechanism is external, which needs a client certificate: ?certfile=…&keyfile=… of an amqps: URL",
    );
  }
  const { port = tls === false ? 5672 : 5671 } = options;
  const protocol = tls === false ? "amqp" : "amqps";
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const path = vhost === "/" ? "" : `/${encodeURIComponent(vhost)}`;
  const timeout = { least: 1, orInfinity: true, why: ' ("off" in a URL)' };
  return {
    server: { protocol, hostname, port, username, password, vhost: encodeURIComponent(vhost) },
    tls: typeof tls === "object" ? tls : {},
    external: authMechanism === "external",
    connect,
    address: connect ? "amqp:(opened by the connect option)" : `${protocol}://${host}:${port}${path}`,
    prefix,
    queueType,
    deliveryLimit: wholeNumber("rabbitmq: deliveryLimit", deliveryLimit, { least: 1 }),
    consumerTimeoutMs: wholeNumber("rabbitmq: consumerTimeoutMs", consumerTimeoutMs, timeout),
    confirmTimeoutMs: wholeNumber("rabbitmq: confirmTimeoutMs", confirmTimeoutMs, { least: 1 }),
    management: managementOf(options),
    declare,
  };
}

function managementOf({ management }: RabbitmqOptions): string | null {
  if (management === undefined) return null;
  const { protocol = "", username = "" } = (typeof management === "string" && URL.parse(management)) || {};
  if (/^https?:$/.test(protocol) && username === "") return management;
  throw invalid(
    'management is no URL of the management plugin; write one such as "http://localhost:15672", without a user: it is the broker\'s',
  );
}
