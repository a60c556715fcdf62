import { DatabaseSync } from "node:sqlite";
import { CreateQueueCommand, GetQueueUrlCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import amqp from "amqplib";
import { Redis } from "ioredis";
import { Client } from "pg";
import type { FaultTarget, Store } from "../../src/backends.ts";

/** Writes records into a store that waybill would not have written. */
export interface Stranger {
  /** Returns how many were taken: a server, or a table's own checks, may refuse some. */
  write(count: number): Promise<number>;
  close(): Promise<void>;
}

type Random = () => number;

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

const scalars: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e300,
  "",
  " ",
  "default",
  "NaN",
  "-0",
  "1e9",
  "\u202e",
  "😀",
  "\u0001",
  "\ud800",
  "x".repeat(5_000),
  "../../etc",
  "__proto__",
  "[object Object]",
  "9".repeat(40),
  "2026-02-30T00:00:00Z",
];

/** Any JSON value, nested a little. */
function anyJson(random: Random, depth = 0): unknown {
  if (depth > 2 || random() < 0.6) return pick(random, scalars);
  if (random() < 0.5) return Array.from({ length: Math.floor(random() * 4) }, () => anyJson(random, depth + 1));
  return Object.fromEntries(MEMBERS.filter(() => random() < 0.2).map((name) => [name, anyJson(random, depth + 1)]));
}

const MEMBERS = [
  "spec",
  "id",
  "type",
  "queue",
  "args",
  "created_at",
  "scheduled_at",
  "expires_at",
  "priority",
  "retry",
  "meta",
  "timeout_ms",
  "body",
  "dueAt",
  "lost",
  "releases",
  "signature",
  "timestamp",
  "value",
  "tenant",
  "envelope",
  "Event",
  "Type",
  "Message",
];

/** Text that is almost an envelope, or almost what a binding stores, or nothing of the sort. */
export function anyText(random: Random): string {
  const draw = random();
  if (draw < 0.1) return String(pick(random, scalars));
  if (draw < 0.2) return JSON.stringify(anyJson(random));
  const whole: Record<string, unknown> = {
    spec: "waybill/1",
    id: crypto.randomUUID(),
    type: "stranger.job",
    queue: "default",
    args: [{}],
    created_at: new Date().toISOString(),
    body: "{}",
    dueAt: null,
    lost: 0,
    releases: 0,
    tenant: null,
    signature: null,
  };
  for (const name of MEMBERS) {
    if (random() < 0.15) whole[name] = anyJson(random);
    else if (random() < 0.05) delete whole[name];
  }
  const text = JSON.stringify(whole);
  return random() < 0.2 ? text.slice(0, Math.floor(random() * text.length)) : text;
}

/** What PostgreSQL does not hold as text. */
const lone = /[\ud800-\udfff](?![\udc00-\udfff])|\0/g;

export async function strangerOf(
  { name }: FaultTarget,
  store: Store,
  server: { readonly url: string; readonly port: number } | null,
  random: Random,
): Promise<Stranger> {
  const serverUrl = server?.url ?? "";
  switch (name) {
    case "sqlite":
      return sqliteStranger(store.url.replace(/^sqlite:/, ""), random);
    case "bullmq":
      return redisStranger(serverUrl, new URL(store.url).searchParams.get("prefix") ?? "", random);
    case "postgres":
      return postgresStranger(serverUrl, new URL(store.url).searchParams.get("schema") ?? "", random);
    case "rabbitmq":
      return rabbitStranger(serverUrl, new URL(store.url).searchParams.get("prefix") ?? "", random);
    case "sqs":
      return sqsStranger(server?.port ?? 0, random);
    default:
      throw new Error(`no stranger writes to "${name}"`);
  }
}

function sqliteStranger(file: string, random: Random): Stranger {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA busy_timeout = 30000");
  const value = (): string | number | null | Uint8Array => {
    const drawn = anyJson(random);
    if (random() < 0.1) return new Uint8Array([0xff, 0xfe, 0, 1]);
    return typeof drawn === "number" || typeof drawn === "string" || drawn === null ? drawn : anyText(random);
  };
  const inbox = db.prepare(
    "INSERT INTO waybill_inbox (id, envelope, signature, signature_timestamp) VALUES (?, ?, ?, ?)",
  );
  const job = db.prepare(`
    INSERT INTO waybill_jobs (id, queue, type, priority, tenant, signature_timestamp, signature, failures, lost, releases,
      due_at, enqueued_at, body) VALUES (?, 'default', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`);
  const line = db.prepare("INSERT INTO waybill_ready (queue, rank, seq) VALUES ('default', ?, ?)");
  const dead = db.prepare(
    "INSERT INTO waybill_dead (seq, code, message, error, attempt, died_at) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const insertJob = (): unknown =>
    job.get(
      crypto.randomUUID(),
      value() ?? "",
      value() ?? 0,
      value(),
      value(),
      value(),
      value() ?? 0,
      value() ?? 0,
      value() ?? 0,
      value(),
      value() ?? 0,
      random() < 0.5 ? anyText(random) : (value() ?? ""),
    )?.["seq"];
  function one(): void {
    const draw = random();
    if (draw < 0.5) inbox.run(crypto.randomUUID(), anyText(random), null, null);
    else if (draw < 0.8) line.run(0, Number(insertJob()));
    else dead.run(Number(insertJob()), value() ?? "", value() ?? "", value(), value() ?? 1, value() ?? 0);
  }
  return {
    async write(count) {
      let taken = 0;
      db.exec("BEGIN IMMEDIATE");
      for (let n = 0; n < count; n++) {
        db.exec("SAVEPOINT one");
        try {
          one();
          taken += 1;
        } catch {
          db.exec("ROLLBACK TO one");
        }
        db.exec("RELEASE one");
      }
      db.exec("COMMIT");
      return taken;
    },
    close: async () => db.close(),
  };
}

function redisStranger(serverUrl: string, prefix: string, random: Random): Stranger {
  const redis = new Redis(serverUrl.replace(/^[a-z]+:/, "redis:"));
  return {
    async write(count) {
      const pipeline = redis.pipeline();
      for (let n = 0; n < count; n++) {
        const draw = random();
        const id = crypto.randomUUID();
        if (draw < 0.4) pipeline.lpush(`${prefix}:inbox:default`, anyText(random));
        else if (draw < 0.5) pipeline.lpush(`${prefix}:inbox:default:rejected`, anyText(random));
        else {
          const fields = [
            "data",
            "name",
            "timestamp",
            "opts",
            "priority",
            "delay",
            "atm",
            "stc",
            "failedReason",
            "waybill-error",
            "finishedOn",
          ];
          const job = fields.flatMap((field) => [field, field === "data" ? anyText(random) : anyField(field, random)]);
          pipeline.hset(`${prefix}:default:${id}`, ...job);
          if (draw < 0.8) pipeline.lpush(`${prefix}:default:wait`, id);
          else pipeline.zadd(`${prefix}:default:failed`, Date.now(), id);
        }
      }
      // BullMQ's own marker, so that those who wait look.
      pipeline.zadd(`${prefix}:default:marker`, 0, "0");
      await pipeline.exec();
      return count;
    },
    close: async () => redis.disconnect(),
  };
}

/** BullMQ's own fields as another program of BullMQ would write them; what is ours is anything. */
function anyField(field: string, random: Random): string {
  if (field === "opts") return random() < 0.8 ? "{}" : JSON.stringify({ attempts: 3, delay: 0 });
  if (field === "waybill-error") return anyText(random);
  if (field === "name" || field === "failedReason") return String(pick(random, scalars));
  return random() < 0.8 ? String(Math.floor(random() * 5)) : "";
}

async function postgresStranger(serverUrl: string, schema: string, random: Random): Promise<Stranger> {
  const client = new Client(serverUrl);
  await client.connect();
  const text = (): string => anyText(random).replaceAll(lone, "?");
  const number = (): number => pick(random, [0, 1, -1, 32_767, 2_147_483_647, -2_147_483_648]);
  const time = (): string => pick(random, ["now", "infinity", "-infinity", "9999-12-31", "0001-01-01"]);
  const short = (): string => String(pick(random, scalars)).replaceAll(lone, "?");
  async function one(): Promise<void> {
    const draw = random();
    if (draw < 0.5) {
      const insert = `INSERT INTO "${schema}".inbox (id, envelope) VALUES ($1, $2)`;
      await client.query(insert, [crypto.randomUUID(), text()]);
    } else if (draw < 0.8) {
      await client.query(
        `INSERT INTO "${schema}".jobs (id, seq, queue, rank, failures, lost, releases, due_at, enqueued_at, type, tenant,
          signature, signature_timestamp, body)
         VALUES ($1, nextval('"${schema}".job_seq'), 'default', 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
        [
          crypto.randomUUID(),
          number(),
          number(),
          number(),
          time(),
          time(),
          short(),
          short(),
          short(),
          number(),
          text(),
        ],
      );
    } else {
      await client.query(
        `INSERT INTO "${schema}".dead (id, queue, rank, attempt, code, message, error, died_at, type, tenant, body)
         VALUES ($1, 'default', $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [crypto.randomUUID(), 0, number(), short(), short(), text(), time(), short(), short(), text()],
      );
    }
  }
  return {
    async write(count) {
      let taken = 0;
      for (let n = 0; n < count; n++) {
        await one().then(
          () => (taken += 1),
          () => undefined,
        );
      }
      return taken;
    },
    close: () => client.end(),
  };
}

const HEADERS = [
  "waybill-queue",
  "waybill-type",
  "waybill-attempt",
  "waybill-lost",
  "waybill-releases",
  "waybill-dead-code",
  "waybill-dead-message",
  "waybill-dead-error",
  "waybill-error",
  "waybill-died-at",
  "waybill-due-at",
  "webhook-timestamp",
  "webhook-signature",
  "x-death",
  "x-delivery-count",
  "waybill-tenant",
  "waybill-id",
  "waybill-delivery",
];

async function rabbitStranger(serverUrl: string, prefix: string, random: Random): Promise<Stranger> {
  const connection = await amqp.connect(serverUrl);
  const channel = await connection.createConfirmChannel();
  const headers = (): Record<string, unknown> =>
    Object.fromEntries(HEADERS.filter(() => random() < 0.4).map((name) => [name, headerValue(random)]));
  return {
    async write(count) {
      for (let n = 0; n < count; n++) {
        const queue = random() < 0.7 ? `${prefix}.default` : `${prefix}:dead`;
        const body = random() < 0.1 ? Buffer.from([0xff, 0xfe, 0, 1]) : Buffer.from(anyText(random));
        const properties = {
          headers: headers(),
          ...(random() < 0.5 && { messageId: String(pick(random, scalars)).slice(0, 200) }),
          ...(random() < 0.5 && { type: String(pick(random, scalars)).slice(0, 200) }),
          ...(random() < 0.2 && { timestamp: Math.floor(random() * 2 ** 31) }),
        };
        channel.sendToQueue(queue, body, properties);
      }
      await channel.waitForConfirms();
      return count;
    },
    close: () => connection.close(),
  };
}

/** AMQP tables hold no undefined, and no number beyond 64 bits. */
function headerValue(random: Random): unknown {
  const drawn = anyJson(random);
  return typeof drawn === "number" && Math.abs(drawn) > 2 ** 53 ? String(drawn) : drawn;
}

async function sqsStranger(port: number, random: Random): Promise<Stranger> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new SQSClient({ region: "us-east-1", endpoint: `http://127.0.0.1:${port}`, credentials });
  const urlOf = async (name: string): Promise<string> => {
    const found = await client.send(new GetQueueUrlCommand({ QueueName: name })).catch(() => null);
    return (found ?? (await client.send(new CreateQueueCommand({ QueueName: name })))).QueueUrl ?? "";
  };
  const [work, dead] = [await urlOf("fuzz-default"), await urlOf("fuzz_dead")];
  const attributes = () =>
    Object.fromEntries(
      HEADERS.filter(() => random() < 0.2).map((name) => [
        name,
        random() < 0.8
          ? { DataType: "String", StringValue: storable(String(pick(random, scalars))) }
          : { DataType: "Binary", BinaryValue: new Uint8Array([255, 254]) },
      ]),
    );
  return {
    async write(count) {
      let taken = 0;
      for (let n = 0; n < count; n += 10) {
        const Entries = Array.from({ length: Math.min(10, count - n) }, (_, index) => ({
          Id: String(index),
          MessageBody: storable(anyText(random)),
          MessageAttributes: Object.fromEntries(Object.entries(attributes()).slice(0, 10)),
        }));
        const QueueUrl = random() < 0.7 ? work : dead;
        const sent = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries })).catch(() => null);
        taken += sent?.Successful?.length ?? 0;
      }
      return taken;
    },
    close: async () => client.destroy(),
  };
}

/** SQS takes no empty text, and no character beyond those of XML. */
function storable(text: string): string {
  const kept = [...text].map((char) => (char < " " || char >= "\ufffe" || /[\ud800-\udfff]/u.test(char) ? "?" : char));
  return kept.join("") || "?";
}
