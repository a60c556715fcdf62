import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect, defineJob, type Jobs, newSecret } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { createIngress } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { findService, freePort, startMoto, startRabbit, startRedis } from "@waybill/test-servers";
import { Client } from "pg";

/** A queue as a foreign producer meets it: empty, made by a worker that takes `receipt.send` from it. */
export interface Store {
  /** What the blocks of the page read. */
  readonly env: Readonly<Record<string, string>>;
  /** The same, of a place where no job can be stored; for SQLite that is another folder. */
  readonly refusing: Readonly<Record<string, string>>;
  /** Resolves with the payload and the attempt of the job of that id, once it has run; rejects after 10 s. */
  ran(id: string): Promise<{ readonly payload: unknown; readonly attempt: number }>;
  /** How many jobs have run. */
  count(): number;
  close(): Promise<void>;
}

interface Place {
  readonly to: string | ReturnType<typeof memoryBackend>;
  readonly env: Readonly<Record<string, string>>;
  readonly refusing?: Readonly<Record<string, string>>;
  /** Called with what reaches the place, before the first producer. */
  open?(jobs: Jobs): Promise<Readonly<Record<string, string>>>;
  stop(): Promise<void>;
}

async function postgres(): Promise<Place> {
  const service = await findService("postgres");
  const name = `shop_${randomBytes(5).toString("hex")}`;
  const at = async (text: string): Promise<void> => {
    const client = new Client({ connectionString: service.url });
    await client.connect();
    await client.query(text).finally(() => client.end());
  };
  await at(`CREATE DATABASE ${name}`);
  const url = new URL(service.url);
  url.pathname = name;
  const envOf = (database: string): Record<string, string> => ({
    DATABASE_URL: Object.assign(new URL(url), { pathname: database }).href,
    JDBC_DATABASE_URL: `jdbc:postgresql://${url.host}/${database}?user=${url.username}&password=${url.password}`,
  });
  return {
    to: url.href,
    env: envOf(name),
    refusing: envOf("postgres"),
    stop: async () => {
      await at(`DROP DATABASE ${name} WITH (FORCE)`);
      await service.stop();
    },
  };
}

async function sqlite(folder: string): Promise<Place> {
  return { to: `sqlite:${join(folder, "waybill.db")}`, env: {}, stop: async () => {} };
}

async function redis(): Promise<Place> {
  const { url, stop } = await startRedis();
  return { to: url, env: { REDIS_URL: url }, refusing: { REDIS_URL: "redis://127.0.0.1:1" }, stop };
}

/** Starts the plugin whose HTTP interface curl and `rabbitmqadmin` use. It is not in the node's list: others need not wait for it. */
export const enableManagement = (ctl: (...args: string[]) => Promise<string>): Promise<string> =>
  ctl(
    "eval",
    'rabbit_plugins:ensure(["rabbitmq_management"]), {ok, _} = application:ensure_all_started(rabbitmq_management).',
  );

async function rabbitmq(): Promise<Place> {
  const port = await freePort();
  const { url, ctl, stop } = await startRabbit({
    config: [`management.tcp.port = ${port}`, "management.tcp.ip = 127.0.0.1"],
  });
  await enableManagement(ctl);
  await ctl("add_vhost", "empty");
  await ctl("set_permissions", "-p", "empty", "guest", ".*", ".*", ".*");
  const api = `http://guest:guest@127.0.0.1:${port}/api/exchanges/`;
  return {
    to: url,
    env: { AMQP_URL: url, RABBITMQ_API: `${api}%2F` },
    refusing: { AMQP_URL: `${url}/empty`, RABBITMQ_API: `${api}empty` },
    stop,
  };
}

async function sqs(): Promise<Place> {
  const { port, stop } = await startMoto();
  const endpoint = `http://127.0.0.1:${port}`;
  const region = { AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-1", AWS_EC2_METADATA_DISABLED: "true" };
  const env = { ...region, AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_ENDPOINT_URL: endpoint };
  const to = `sqs://us-east-1?endpoint=${endpoint}&pollSeconds=1`;
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  const queue = (name: string): string => `${endpoint}/123456789012/${name}`;
  return { to, env: { ...env, QUEUE_URL: queue("waybill-default") }, refusing: { QUEUE_URL: queue("nowhere") }, stop };
}

async function ingress(): Promise<Place> {
  const key = newSecret();
  const server = createServer();
  return {
    to: memoryBackend(),
    env: { WAYBILL_KEY: key },
    refusing: { WAYBILL_KEY: newSecret() },
    async open(jobs) {
      server.on("request", nodeListener(createIngress({ to: jobs, keys: key })));
      await once(server.listen(0, "127.0.0.1"), "listening");
      return { WAYBILL_INGRESS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jobs` };
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** By the name of the block that stores a job there. */
export const places = { postgres, sqlite, redis, rabbitmq, sqs, ingress } as const;
export type PlaceName = keyof typeof places;

/** `folder`: where the programs run, and the file of SQLite is. */
export async function openStore(name: PlaceName, folder: string): Promise<Store> {
  const place: Place = await places[name](folder);
  const runs = new Map<string, { payload: unknown; attempt: number }>();
  const receipt = defineJob({
    type: "receipt.send",
    handler: (payload, { id, attempt }) => void runs.set(id, { payload, attempt }),
  });
  const jobs = await connect(place.to, { jobs: [receipt], log: "off" });
  await jobs.worker({ jobs: [receipt] }).start();
  // Queues are made by the first program that uses them.
  const { id } = await jobs.enqueue(receipt, { orderId: "first" });
  const opened = await place.open?.(jobs);
  const ran = async (wanted: string): Promise<{ payload: unknown; attempt: number }> => {
    for (let tries = 0; tries < 400 && !runs.has(wanted); tries += 1) await new Promise((next) => setTimeout(next, 25));
    const run = runs.get(wanted);
    if (!run) throw new Error(`${name}: job ${wanted} has not run within 10 s`);
    return run;
  };
  await ran(id);
  return {
    env: { ...place.env, ...opened },
    refusing: { ...place.env, ...opened, ...place.refusing },
    ran,
    count: () => runs.size,
    close: async () => {
      await jobs.close();
      await place.stop();
    },
  };
}
