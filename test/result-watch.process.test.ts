import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, defineJob, type Jobs } from "@waybill/core";
import { type Backend, ledgerOf } from "@waybill/core/backend";
import { serviceUrl } from "@waybill/test-servers";
import { context } from "@waybill/test-servers/fixtures";
import { Redis } from "ioredis";
import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { factoryFor } from "../packages/core/src/connect/schemes.ts";
import { createResultCalls } from "../packages/core/src/features/results/result-calls.ts";
import { EventBus } from "../packages/core/src/observability/events.ts";

const measure = defineJob({ type: "photo.measure", result: z.string(), handler: () => "measured" });
const name = `result_watch_${process.pid}`;

const urls: Readonly<Record<string, () => Promise<string>>> = {
  sqlite: async () => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-watch-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return `sqlite:${join(folder, "jobs.db")}`;
  },
  postgres: async () => `${await serviceUrl("postgres")}?schema=${name}`,
  redis: async () => `${await serviceUrl("redis")}?prefix=${name}`,
};

/** A wait for a result that reads the ledger again only when a notification comes, or after a day. */
async function waiter(url: string) {
  const backend = await (await factoryFor(url, true))(context);
  onTestFinished(() => backend.close());
  const ledger = ledgerOf(backend);
  let reads = 0;
  const counted = ledger && { ...ledger, read: (keys: readonly string[]) => ((reads += 1), ledger.read(keys)) };
  const day = 86_400_000;
  const paces = { firstMs: day, longestMs: day, reportedMs: day };
  const seam = { ledger: counted, jobControl: null, backend };
  const { result } = createResultCalls(seam, new EventBus(), paces);
  return { backend, result, reads: () => reads };
}

async function worker(url: string): Promise<Jobs> {
  const jobs = await connect(url, { log: "off" });
  onTestFinished(() => jobs.close());
  return jobs;
}

/** Waits until the wait has begun to watch: it then reads a second time. */
const watching = ({ reads }: { reads: () => number }): Promise<void> =>
  expect.poll(reads, { timeout: 10_000 }).toBeGreaterThan(1);

/** How many connections listen for results of this file's jobs. */
const listeners: Readonly<Record<string, () => Promise<number>>> = {
  postgres: async () => {
    const client = new Client({ connectionString: await serviceUrl("postgres") });
    await client.connect();
    const channel = `"waybill_${name}:keys"`;
    const { rows } = await client.query("SELECT 1 FROM pg_stat_activity WHERE query = $1", [`LISTEN ${channel}`]);
    await client.end();
    return rows.length;
  },
  redis: async () => {
    const client = new Redis(await serviceUrl("redis"));
    const channels = (await client.pubsub("CHANNELS", `${name}:*`)) as string[];
    client.disconnect();
    return channels.length;
  },
};

/** Cuts the connections that listen for results of this file's jobs. */
const cuts: Readonly<Record<string, () => Promise<unknown>>> = {
  postgres: async () => {
    const client = new Client({ connectionString: await serviceUrl("postgres") });
    await client.connect();
    const { rows } = await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1", [
      `LISTEN "waybill_${name}:keys"`,
    ]);
    await client.end();
    return rows.length;
  },
  redis: async () => {
    const client = new Redis(await serviceUrl("redis"));
    const list = (await client.client("LIST", "TYPE", "PUBSUB")) as string;
    // Other tests subscribe as well; a cut connects them again.
    const ids = [...list.matchAll(/^id=(\d+)/gm)].map(([, id]) => id ?? "");
    for (const id of ids) await client.client("KILL", "ID", id);
    client.disconnect();
    return ids.length;
  },
};

describe.each(Object.keys(urls))("a wait for a result on %s", (store) => {
  test("is woken by a notification when another connection's worker has run the job", async () => {
    const url = (await urls[store]?.()) ?? "";
    const jobs = await worker(url);
    const waits = await waiter(url);
    const result = waits.result(await jobs.enqueue(measure, null), { timeout: "5m" });
    await watching(waits);
    await jobs.worker({ jobs: [measure] }).start();
    expect(await result).toBe("measured");
  });

  test("ends at once when its connection closes", async () => {
    const url = (await urls[store]?.()) ?? "";
    const jobs = await worker(url);
    const waits = await waiter(url);
    const result = waits.result(await jobs.enqueue(measure, null, { delay: "1h" }), { timeout: "5m" });
    const ended = expect(result).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
    await watching(waits);
    await waits.backend.close();
    await ended;
  });
});

describe.each(Object.keys(cuts))("the connection that listens for results on %s", (store) => {
  test("is there only while a result is waited for, and when it is cut, the next one tells what was missed", async () => {
    const url = (await urls[store]?.()) ?? "";
    const jobs = await worker(url);
    const waits = await waiter(url);
    const listening = async (): Promise<number> => (await listeners[store]?.()) ?? -1;
    expect(await listening()).toBe(0);
    const result = waits.result(await jobs.enqueue(measure, null), { timeout: "5m" });
    await watching(waits);
    expect(await listening()).toBe(1);
    expect(await cuts[store]?.()).toBeGreaterThan(0);
    await jobs.worker({ jobs: [measure] }).start();
    expect(await result).toBe("measured");
    await expect.poll(listening, { timeout: 10_000 }).toBe(0);
  });
});

test("a wait on a store without notifications reads the ledger at its own pace", async () => {
  const url = (await urls["sqlite"]?.()) ?? "";
  const backend: Backend = await (await factoryFor(url, true))(context);
  onTestFinished(() => backend.close());
  const { watch: _, ...ledger } = ledgerOf(backend) ?? expect.fail("no ledger");
  const { result } = createResultCalls({ ledger, jobControl: null, backend }, new EventBus());
  const jobs = await worker(url);
  const waited = result(await jobs.enqueue(measure, null), { timeout: "5m" });
  await jobs.worker({ jobs: [measure] }).start();
  expect(await waited).toBe("measured");
});
