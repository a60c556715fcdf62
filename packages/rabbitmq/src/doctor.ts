import { type Doctor, type Finding, type Inspector, WaybillError } from "@waybill/core";
import type { Session } from "./link.ts";
import { type Settings, settingsOf } from "./options.ts";

const SHOWN = ["prefix", "queueType", "deliveryLimit", "consumerTimeoutMs", "confirmTimeoutMs", "declare"] as const;

/** What the broker says of itself, as it came with the connection. */
export interface Server {
  readonly product: string;
  readonly version: string;
}

export function serverOf({ model }: Session): Server {
  const { product, version } = model.connection.serverProperties as Readonly<Record<string, unknown>>;
  return { product: wordOf(product), version: wordOf(version) };
}

const wordOf = (value: unknown): string => (typeof value === "string" ? value.slice(0, 60) : "");

/** Quorum queues that expire and dead-letter messages safely came with 3.10. */
export function assertServer({ product, version }: Server, { queueType, address }: Settings): void {
  const refuse = (text: string): never => {
    throw new WaybillError("CONFIG_INVALID", `${address} is ${product || "no RabbitMQ"} ${version}, ${text}`);
  };
  if (product !== "RabbitMQ") {
    refuse(
      "and waybill needs RabbitMQ 3.10 or newer: others that speak AMQP 0-9-1 lack its quorum queues or its delays",
    );
  }
  if (!isAtLeast(version, 3, 8)) refuse("which is too old; upgrade to 3.10 or newer");
  if (queueType === "classic" || isAtLeast(version, 3, 10)) return;
  refuse("whose quorum queues cannot delay messages; upgrade to 3.10 or newer, or set ?queueType=classic");
}

export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return first > major || (first === major && second >= minor);
}

export function createDoctor(
  settings: Settings,
  { version }: Server,
  inspector: Inspector,
  session: () => Promise<Session>,
): Doctor {
  const defaults = settingsOf({});
  return {
    server: { product: "rabbitmq", version },
    settings: SHOWN.map((name) => ({
      name,
      value: settings[name],
      given: settings[name] !== defaults[name],
    })),
    async checks() {
      const { blocked } = await session();
      return [
        alarm(blocked),
        durability(settings),
        consumerTimeout(settings),
        policies(settings),
        encryption(settings),
        await dead(inspector),
      ];
    },
  };
}

function alarm(blocked: string | null): Finding {
  return {
    check: "rabbitmq.alarm",
    severity: blocked === null ? "ok" : "failure",
    message:
      blocked === null
        ? "no alarm was heard on this connection; the broker raises one only at those who have published"
        : `the broker takes no messages (${blocked})`,
    wayOut: blocked === null ? null : "free memory or disk on the broker's machine; it goes on by itself",
  };
}

function durability({ queueType: type }: Settings): Finding {
  return {
    check: "rabbitmq.queue_type",
    severity: type === "quorum" ? "ok" : "warning",
    message:
      type === "quorum"
        ? "queueType is quorum: a confirmed job is on a majority of nodes"
        : "queueType is classic: a job that is delayed, retried or buried can be lost with its node, and losses are not counted",
    wayOut: type === "quorum" ? null : "use quorum queues under another ?prefix=, and let this one run empty",
  };
}

function consumerTimeout({ consumerTimeoutMs }: Settings): Finding {
  const text = consumerTimeoutMs === Infinity ? "off" : `${consumerTimeoutMs} ms`;
  return {
    check: "rabbitmq.consumer_timeout",
    severity: "note",
    message: `consumer_timeout is taken to be ${text}; AMQP does not tell, "rabbitmqctl environment" does`,
    wayOut: null,
  };
}

/** What a policy deletes, nobody sees go: neither a confirm nor an error tells. */
function policies({ prefix }: Settings): Finding {
  const deletes = `"expires" deletes a queue with its jobs, "message-ttl" ends the wait of confirmed jobs and deletes dead letters, "max-length" deletes the oldest of these`;
  const look = "rabbitmqctl list_queues name effective_policy_definition";
  return {
    check: "rabbitmq.policies",
    severity: "note",
    message: `AMQP does not tell which policies apply to "${prefix}.*" and "${prefix}:*", "${look}" does; keep three away from them: ${deletes}`,
    wayOut: null,
  };
}

function encryption({ server, connect }: Settings): Finding {
  const plain = connect === null && server.protocol === "amqp" && !/^(localhost|127\.|::1)/.test(server.hostname ?? "");
  return {
    check: "rabbitmq.encryption",
    severity: plain ? "note" : "ok",
    message: plain
      ? "password and jobs travel to another machine unencrypted"
      : "the connection is encrypted, or stays on this machine, or is yours",
    wayOut: plain ? "use an amqps: URL" : null,
  };
}

async function dead(inspector: Inspector): Promise<Finding> {
  const count = (await inspector.deadLetters({ limit: Infinity })).length;
  return {
    check: "rabbitmq.dead_letters",
    severity: count === 0 ? "ok" : "note",
    message: count === 0 ? "there are no dead letters" : `${count} dead letters wait for a person`,
    wayOut: count === 0 ? null : 'look at them with "waybill dead list"; replay or drop them',
  };
}
