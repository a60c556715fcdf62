import type { ConnectionOptions } from "node:tls";
import { WaybillError } from "@waybill/core";
import type { ChannelModel, Options } from "amqplib";
import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";

/** Where the broker is, and how its queues are made. A URL may carry them too. */
export interface RabbitmqOptions {
  /** Default "localhost". */
  readonly hostname?: string;
  /** Default 5672, with TLS 5671. */
  readonly port?: number;
  /** Default "guest". */
  readonly username?: string;
  /** Default "guest". */
  readonly password?: string;
  /** Default "/". */
  readonly vhost?: string;
  /** `true`, or what `tls.connect` takes: ca, cert, key, … Default false. */
  readonly tls?: boolean | ConnectionOptions;
  /**
   * A ready client: opens one more connection with that heartbeat, in seconds. Called twice, and again whenever a
   * connection was lost. Takes the place of all options above. Each connection must be new: it is closed by us. One that
   * is not there after 4 s is BACKEND_UNAVAILABLE, what is no connection CONFIG_INVALID.
   */
  readonly connect?: (heartbeatS: number) => Promise<ChannelModel>;
  /** Names everything that is ours on the broker: "waybill.mailers", "waybill:dead". Default "waybill". */
  readonly prefix?: string;
  /** "classic" queues lose what the node held in memory when it dies, and do not count losses. Default "quorum". */
  readonly queueType?: "quorum" | "classic";
  /** Deliveries after which the broker itself buries a message of a quorum queue. Default 100; more than a worker's `maxLost`. */
  readonly deliveryLimit?: number;
  /**
   * `consumer_timeout` as the broker has it, in ms: it takes a job back that runs longer. It cannot be asked for, so it
   * is said here, and jobs with a longer timeout are refused at start. Infinity: off. Default 1,800,000: the broker's own.
   */
  readonly consumerTimeoutMs?: number;
  /**
   * A job sent and not confirmed by then rejects ENQUEUE_UNKNOWN, one that could not be sent BACKEND_UNAVAILABLE. Default
   * 9,500: just under the 10 s of `connect`.
   */
  readonly confirmTimeoutMs?: number;
  /** False: queues and exchanges are made by somebody else, and only looked for. Default true. */
  readonly declare?: boolean;
}

export interface Settings {
  readonly server: Options.Connect;
  readonly tls: ConnectionOptions;
  readonly connect: ((heartbeatS: number) => Promise<ChannelModel>) | null;
  /** Without user and password. */
  readonly address: string;
  readonly prefix: string;
  readonly queueType: "quorum" | "classic";
  readonly deliveryLimit: number;
  readonly consumerTimeoutMs: number;
  readonly confirmTimeoutMs: number;
  readonly declare: boolean;
}

const OPTIONS: OptionNames<RabbitmqOptions> = {
  hostname: true,
  port: true,
  username: true,
  password: true,
  vhost: true,
  tls: true,
  connect: true,
  prefix: true,
  queueType: true,
  deliveryLimit: true,
  consumerTimeoutMs: true,
  confirmTimeoutMs: true,
  declare: true,
};

export function settingsOf(options: RabbitmqOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of rabbitmqBackend");
  const { prefix = "waybill", queueType = "quorum", declare = true } = options;
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(prefix)) {
    throw invalid(`prefix is ${JSON.stringify(prefix)}: use 1 to 40 letters, digits, _ and -`);
  }
  if (queueType !== "quorum" && queueType !== "classic") {
    throw invalid(`queueType is ${JSON.stringify(queueType)}: "quorum" or "classic"`);
  }
  if (options.connect !== undefined && typeof options.connect !== "function") {
    throw invalid("connect is no function; pass one that returns a new connection of amqplib");
  }
  const secure = options.tls !== undefined && options.tls !== false;
  const { hostname = "localhost", vhost = "/", username = "guest", password = "guest" } = options;
  const port = options.port ?? (secure ? 5671 : 5672);
  const protocol = secure ? "amqps" : "amqp";
  const path = vhost === "/" ? "" : `/${encodeURIComponent(vhost)}`;
  return {
    server: { protocol, hostname, port, username, password, vhost: encodeURIComponent(vhost) },
    tls: typeof options.tls === "object" ? options.tls : {},
    connect: options.connect ?? null,
    address: options.connect ? "amqp:(a client of yours)" : `${protocol}://${bracketed(hostname)}:${port}${path}`,
    prefix,
    queueType,
    deliveryLimit: whole("deliveryLimit", options.deliveryLimit ?? 100, 1),
    consumerTimeoutMs: whole("consumerTimeoutMs", options.consumerTimeoutMs ?? 1_800_000, 1, true),
    confirmTimeoutMs: whole("confirmTimeoutMs", options.confirmTimeoutMs ?? 9_500, 1),
    declare,
  };
}

const bracketed = (hostname: string): string => (hostname.includes(":") ? `[${hostname}]` : hostname);

function whole(name: string, value: number, least: number, orInfinity = false): number {
  if ((orInfinity && value === Infinity) || (Number.isSafeInteger(value) && value >= least)) return value;
  throw invalid(
    `${name} is ${value}: a whole number from ${least}${orInfinity ? ', or Infinity ("off" in a URL)' : ""}`,
  );
}

export const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", `rabbitmq: ${message}`);
