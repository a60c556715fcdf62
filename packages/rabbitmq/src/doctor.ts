import { type Doctor, type Finding, type Inspector, WaybillError } from "@waybill/core";
import { askManagement } from "./management-api.ts";
import { managementFindings } from "./management-checks.ts";
import type { Session } from "./connection/connection.ts";
import { type Settings, settingsOf } from "./options.ts";

const SHOWN = ["prefix", "queueType", "deliveryLimit", "consumerTimeoutMs", "confirmTimeoutMs", "declare"] as const;

/** What the broker reports of itself when a connection opens. */
export interface Server {
  readonly product: string;
  readonly version: string;
}

export function serverOf({ model }: Session): Server {
  const { product, version } = model.connection.serverProperties as Readonly<Record<string, unknown>>;
  const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, 60) : "");
  return { product: text(product), version: text(version) };
}

/** Throws CONFIG_INVALID for another product, and for a version without what the queues need. */
export function assertServer({ product, version }: Server, { queueType, address }: Settings): void {
  const refuse = (text: string): never => {
    throw new WaybillError("CONFIG_INVALID", `${address} is ${product || "no RabbitMQ"} ${version}, ${text}`);
  };
  if (product !== "RabbitMQ") {
    refuse("and waybill needs RabbitMQ 3.10 or newer; other AMQP 0-9-1 brokers lack its quorum queues or its delays");
  }
  if (!isAtLeast(version, 3, 8)) refuse("which is too old; upgrade to 3.10 or newer");
  // Message TTL and at-least-once dead-lettering of quorum queues came with 3.10.
  if (queueType === "classic" || isAtLeast(version, 3, 10)) return;
  refuse("whose quorum queues cannot delay messages; upgrade to 3.10 or newer, or set ?queueType=classic");
}

function isAtLeast(version: string, major: number, minor: number): boolean {
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
    settings: SHOWN.map((name) => ({ name, value: settings[name], given: settings[name] !== defaults[name] })),
    async checks() {
      const { alarms } = await session();
      const dead = await inspector.deadLetters({ limit: Infinity });
      const managed = await askManagement(settings);
      return [
        alarm(alarms.reason),
        ...configuration(settings),
        deadLetters(dead.length),
        ...(typeof managed === "string"
          ? notManaged(settings, managed)
          : managementFindings(managed, settings, finding)),
      ];
    },
  };
}

/** `remedy`: null where nothing is to be done. */
const finding = (check: string, severity: Finding["severity"], message: string, remedy: string | null): Finding => ({
  check: `rabbitmq.${check}`,
  severity,
  message,
  remedy: remedy,
});

function alarm(blocked: string | null): Finding {
  if (blocked === null) {
    const message = "no alarm was reported; the broker reports one only to connections that have published";
    return finding("alarm", "ok", message, null);
  }
  const remedy = "free memory or disk on the broker's machine; the broker resumes by itself";
  return finding("alarm", "failure", `the broker accepts no messages (${blocked})`, remedy);
}

function configuration({ queueType, consumerTimeoutMs, server, connect }: Settings): Finding[] {
  const timeout = consumerTimeoutMs === Infinity ? "off" : `${consumerTimeoutMs} ms`;
  const assumed = `consumer_timeout is assumed to be ${timeout}; AMQP does not report it, "rabbitmqctl environment" does`;
  const isPlain =
    connect === null && server.protocol === "amqp" && !/^(localhost|127\.|::1)/.test(server.hostname ?? "");
  return [
    queueType === "quorum"
      ? finding("queue_type", "ok", "queueType is quorum: a confirmed job is on a majority of nodes", null)
      : finding(
          "queue_type",
          "warning",
          "queueType is classic: a delayed, retried or dead-lettered job can be lost with its node, and lost deliveries are not counted",
          "use quorum queues under another ?prefix=, and let this one run empty",
        ),
    finding("consumer_timeout", "note", assumed, null),
    isPlain
      ? finding("encryption", "note", "the password and jobs cross the network unencrypted", "use an amqps: URL")
      : finding("encryption", "ok", "the connection is encrypted, local, or opened by the connect option", null),
  ];
}

/** What to look at by hand. */
function notManaged({ management, prefix }: Settings, why: string): Finding[] {
  const policies = [
    `AMQP does not report which policies apply to "${prefix}.*" and "${prefix}:*"`,
    '"rabbitmqctl list_queues name effective_policy_definition" does, or the option management',
    `none of them may set "expires", which deletes a queue with its jobs`,
    `"message-ttl", which ends the wait of confirmed jobs and deletes dead letters`,
    `or "max-length", which deletes the oldest dead letters`,
  ].join(", ");
  const note = finding("policies", "note", policies, null);
  if (management === null) return [note];
  const message = `the management plugin cannot be asked: ${why}`;
  const remedy = "check the option management, and that its user has the tag monitoring";
  return [note, finding("management", "warning", message, remedy)];
}

function deadLetters(count: number): Finding {
  if (count === 0) return finding("dead_letters", "ok", "there are no dead letters", null);
  const remedy = 'list them with "waybill dead list", then replay or drop them';
  return finding("dead_letters", "note", `there are ${count} dead letters`, remedy);
}
