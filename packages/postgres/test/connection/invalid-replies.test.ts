import { connect, defineJob, type Jobs } from "@waybill/core";
import { type Proxy, serviceUrl, startProxy } from "@waybill/test-servers";
import { Pool } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { postgresBackend } from "../../src/index.ts";
import { freshSchema } from "../database.ts";

// A throw in a socket's listener would be an uncaught exception, which fails the file.
const UNREADABLE = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0xff, 0x0a]);
const unreadable = (): Buffer => UNREADABLE;
const reason = { code: "BACKEND_UNAVAILABLE", message: expect.stringContaining("Unknown authenticationOk message") };
const job = defineJob({ type: "garbled.job" });

let proxy: Proxy;
let through: string;
const opened = new Set<Jobs>();

beforeEach(async () => {
  const url = await serviceUrl("postgres");
  proxy = await startProxy({ port: Number(new URL(url).port) });
  through = proxy.url(url);
});

afterEach(async () => {
  for (const jobs of opened) await jobs.close();
  opened.clear();
  await proxy.close();
});

async function open(...to: Parameters<typeof connect>): Promise<Jobs> {
  const jobs = await connect(to[0], { log: "off" });
  opened.add(jobs);
  return jobs;
}

test("a reply that cannot be parsed while a connection is opened rejects the call with the reason", async () => {
  proxy.garble(unreadable);
  await expect(open(`${through}?schema=${freshSchema()}`)).rejects.toMatchObject(reason);
});

test("a reply to a statement that cannot be parsed rejects the call with the reason, and the next call succeeds", async () => {
  const jobs = await open(`${through}?schema=${freshSchema()}&listen=off`);
  proxy.garble(unreadable);
  await expect(jobs.inspector?.counts()).rejects.toMatchObject(reason);
  proxy.garble(null);
  expect(await jobs.enqueue(job, {})).toMatchObject({ stored: true });
});

test("the same holds on a pool that was handed in, and its client is left unchanged", async () => {
  const pool = new Pool({ connectionString: through, max: 1 });
  const jobs = await open(postgresBackend({ url: through, schema: freshSchema(), listen: "off", pool }));
  proxy.garble(unreadable);
  await expect(jobs.inspector?.counts()).rejects.toMatchObject(reason);
  proxy.garble(null);
  expect(await jobs.enqueue(job, {})).toMatchObject({ stored: true });
  await jobs.close();
  await pool.end();
});

test("the listening connection is opened again after replies that cannot be parsed, in its handshake too", async () => {
  const listen = encodeURIComponent(through);
  const jobs = await open(`${await serviceUrl("postgres")}?schema=${freshSchema()}&listen=${listen}&pollMs=60000`);
  const ran = new Set<string>();
  await jobs.worker({ jobs: [defineJob({ type: "garbled.job", handler: (_, { id }) => void ran.add(id) })] }).start();
  let garbled = 0;
  proxy.garble((reply) => (++garbled <= 3 ? UNREADABLE : reply));
  // Each enqueued job is a notification: the first reply that is garbled.
  await expect.poll(async () => (await jobs.enqueue(job, {})) && garbled, { timeout: 20_000 }).toBeGreaterThan(3);
  const { id } = await jobs.enqueue(job, {});
  await expect.poll(() => ran.has(id), { timeout: 20_000 }).toBe(true);
});
