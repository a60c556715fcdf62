import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect, defineJob, type Jobs, type WaybillError } from "@waybill/core";
import { startPgBouncer, startPostgres, type TestServer } from "@waybill/test-servers";
import { Client } from "pg";
import { afterEach, describe, expect, test } from "vitest";

const servers = new Set<TestServer>();
const connections = new Set<Jobs>();

afterEach(async () => {
  await Promise.all([...connections].map((jobs) => jobs.close()));
  await Promise.all([...servers].map((server) => server.stop()));
  connections.clear();
  servers.clear();
});

async function ownServer(settings: Record<string, string> = {}): Promise<TestServer> {
  const server = await startPostgres({ settings });
  servers.add(server);
  return server;
}

async function connected(url: string): Promise<Jobs> {
  const jobs = await connect(url, { log: "off" });
  connections.add(jobs);
  return jobs;
}

async function ask(server: TestServer, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(text);
  await client.end();
  return rows;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const job = defineJob({ type: "count.one" });

/** Enqueues one job after the other until it is stopped, and keeps the ids that were reported as stored. */
function produce(jobs: Jobs): { readonly accepted: Set<string>; stop(): Promise<void> } {
  const accepted = new Set<string>();
  const stop = new AbortController();
  const lane = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await jobs.enqueue(job, {}).then(
        ({ id }) => accepted.add(id),
        () => sleep(50),
      );
      await sleep(1);
    }
  };
  const lanes = Promise.all([lane(), lane(), lane()]);
  return {
    accepted,
    async stop() {
      stop.abort();
      await lanes;
    },
  };
}

describe("worker and producer recover by themselves within 15 s, and no accepted job is lost", () => {
  test.for([
    [
      "when every connection is terminated",
      (server: TestServer) =>
        ask(server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waybill'"),
    ],
    ["when the server is restarted", (server: TestServer) => server.restart()],
    [
      "when the server is killed and started again",
      async (server: TestServer) => {
        await server.kill();
        await sleep(2_000);
        await server.restart();
      },
    ],
    [
      "when the server stands still for 10 s",
      async (server: TestServer) => {
        server.freeze();
        await sleep(10_000);
        server.thaw();
      },
    ],
  ] as const)("%s", async ([, strike]) => {
    const server = await ownServer();
    const [producing, working] = [await connected(server.url), await connected(server.url)];
    const ran = new Set<string>();
    const handler = async (_: unknown, { id }: { id: string }) => void ran.add(id);
    await working.worker({ jobs: [defineJob({ type: "count.one", handler })], lease: "3s" }).start();
    const producer = produce(producing);
    await expect.poll(() => ran.size, { timeout: 10_000 }).toBeGreaterThan(50);
    await strike(server);
    const [accepted, done] = [producer.accepted.size, ran.size];
    await expect.poll(() => producer.accepted.size, { timeout: 15_000 }).toBeGreaterThan(accepted + 50);
    await expect.poll(() => ran.size, { timeout: 15_000 }).toBeGreaterThan(done + 50);
    await producer.stop();
    await expect.poll(() => [...producer.accepted].filter((id) => !ran.has(id)), { timeout: 15_000 }).toEqual([]);
  });
});

test("with the server stopped or frozen, enqueue rejects within its timeout, and close resolves within its own", async () => {
  const server = await ownServer();
  const jobs = await connect(server.url, { log: "off", enqueueTimeout: "2s", closeTimeout: "3s" });
  await jobs.worker({ jobs: [defineJob({ type: "count.one", handler: () => undefined })] }).start();
  await jobs.enqueue(job, {});
  // An outcome that is not stored yet has a time limit of its own, before that of `close`.
  await expect
    .poll(async () => (await jobs.inspector?.counts())?.filter((one) => one.ready + one.leased > 0))
    .toEqual([]);
  server.freeze();
  const begun = performance.now();
  await expect(jobs.enqueue(job, {})).rejects.toMatchObject({ code: "ENQUEUE_UNKNOWN" });
  expect(performance.now() - begun).toBeLessThan(2_500);
  const closing = performance.now();
  await jobs.close();
  expect(performance.now() - closing).toBeLessThan(5_000);
  server.thaw();
  const other = await connected(server.url);
  await server.kill();
  const asked = performance.now();
  // The server's own processes end a moment after it: an insert may still reach one.
  const first: unknown = await other.enqueue(job, {}).catch((error: unknown) => error);
  expect(["BACKEND_UNAVAILABLE", "ENQUEUE_UNKNOWN"]).toContain((first as WaybillError).code);
  await expect(other.enqueue(job, {})).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  expect(performance.now() - asked).toBeLessThan(10_500);
});

test("R34: with max_connections 20, four workers and their producer use no more connections than they declare", async () => {
  const server = await ownServer({ max_connections: "20" });
  const connectionsOf = async (): Promise<number> => {
    const [row] = await ask(
      server,
      "SELECT count(*)::integer AS opened FROM pg_stat_activity WHERE application_name = 'waybill'",
    );
    return Number(row?.["opened"]);
  };
  const producing = await connected(`${server.url}?connections=2`);
  const program = fileURLToPath(new URL("../children/worker.ts", import.meta.url));
  const url = `${server.url}?connections=3`;
  const workers = Array.from({ length: 4 }, () => fork(program, [url], { execArgv: ["--conditions=waybill-source"] }));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const ran = new Set<string>();
  const failures: unknown[] = [];
  for (const worker of workers) {
    worker.on("message", (said: { id?: string; failed?: string }) => {
      if (said.id !== undefined) ran.add(said.id);
      else failures.push(said.failed);
    });
  }
  const sent = await Promise.all(Array.from({ length: 2_000 }, () => producing.enqueue(job, {})));
  let most = 0;
  while (ran.size < sent.length && failures.length === 0) {
    most = Math.max(most, await connectionsOf());
    await sleep(20);
  }
  expect(failures).toEqual([]);
  expect(ran.size).toBe(2_000);
  expect(most).toBeLessThanOrEqual(4 * 3 + 2);
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(workers.map((worker) => once(worker, "exit")));
});

test("a server without a free connection is reported, with how to use fewer", async () => {
  const server = await ownServer({ max_connections: "5", superuser_reserved_connections: "0" });
  const opened = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const client = new Client({ connectionString: server.url });
      await client.connect();
      return client;
    }),
  );
  await expect(connect(server.url, { log: "off" })).rejects.toMatchObject({
    code: "BACKEND_UNAVAILABLE",
    message: expect.stringMatching(/no connection left.*\?connections=2/),
  });
  await Promise.all(opened.map((client) => client.end()));
});

test("through a pooler, a listen URL past it wakes a waiting worker at once", async () => {
  const server = await ownServer();
  const pooler = await startPgBouncer(server);
  servers.add(pooler);
  const worker = await connected(`${pooler.url}?pollMs=60000&listen=${encodeURIComponent(server.url)}`);
  const producer = await connected(`${pooler.url}?listen=off`);
  const ran: number[] = [];
  await worker.worker({ jobs: [defineJob({ type: "count.one", handler: () => void ran.push(Date.now()) })] }).start();
  await sleep(500);
  const before = Date.now();
  await producer.enqueue(job, {});
  await expect.poll(() => ran.length, { timeout: 5_000, interval: 5 }).toBe(1);
  expect((ran[0] ?? 0) - before).toBeLessThan(500);
});
