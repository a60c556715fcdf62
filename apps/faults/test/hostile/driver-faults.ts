import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import type { TestServer } from "@waybill/test-servers";
import { Redis } from "ioredis";
import { Client } from "pg";
import type { FaultTarget, Store } from "../../src/backends.ts";
import { createGate } from "./watch.ts";
import { type Damage, startHostileWire } from "./wire.ts";

const CONCURRENCY = 20;
const KINDS: readonly Damage[] = ["reset", "cut", "junk", "slow", "silence"];

/** One fault, begun; the result ends it. */
type Fault = () => Promise<() => Promise<void>>;

/**
 * Jobs are enqueued and run while the driver meets `count` faults. The ledger holds what was accepted and what ran.
 * Returns what is wrong.
 */
export async function failDriver(
  target: FaultTarget,
  store: Store,
  server: Pick<TestServer, "url" | "port"> | null,
  random: () => number,
  count: number,
): Promise<{ faults: string[]; accepted: number; refused: number }> {
  const faults: string[] = [];
  const wire = server === null ? null : await startHostileWire(server, random);
  const url = wire && server ? store.url.replace(`:${server.port}`, `:${wire.port}`) : store.url;
  const own = await ownFaults(target, store, server);
  const kinds: Fault[] = [...own.kinds];
  if (wire) {
    for (const kind of KINDS) {
      kinds.push(async () => {
        wire.damage(kind);
        return async () => wire.damage("none");
      });
    }
  }
  const ran = new Set<string>();
  const ledger = join(store.folder, "accepted");
  const accepted = new Set<string>();
  let refused = 0;
  const honest = defineJob({ type: "fuzz.honest", handler: (_, { id }) => void ran.add(id) });
  const { gate, pass } = createGate(CONCURRENCY);
  const jobs = await connect(url, { log: "off" });
  const worker = jobs.worker({ jobs: [honest, gate], concurrency: CONCURRENCY, lease: "3s" });
  await worker.start();
  const under = new Set<Promise<void>>();

  async function enqueue(): Promise<void> {
    try {
      const { id } = await jobs.enqueue(honest, {});
      appendFileSync(ledger, `${id}\n`);
      accepted.add(id);
    } catch {
      refused += 1;
    }
  }

  for (let n = 0; n < count; n++) {
    const end = await kinds[Math.floor(random() * kinds.length)]?.();
    for (let job = 0; job < 5; job++) {
      const call = enqueue().finally(() => under.delete(call));
      under.add(call);
    }
    await sleep(random() * 30);
    await end?.();
    // Long enough now and then for the driver to come back before the next fault.
    await sleep(random() < 0.1 ? 300 : random() * 30);
  }
  wire?.damage("none");
  await Promise.all(under);
  const missing = (): string[] => [...accepted].filter((id) => !ran.has(id));
  for (const until = performance.now() + 90_000; missing().length > 0 && performance.now() < until;) await sleep(200);
  const left = missing();
  if (left.length > 0) faults.push(`${left.length} of ${accepted.size} accepted jobs have not run: ${left[0]}`);
  // The first call after an outage may still fail; the gate's jobs are to be accepted.
  for (const until = performance.now() + 30_000; performance.now() < until; await sleep(200)) {
    if (
      await jobs.enqueue(honest, {}).then(
        () => true,
        () => false,
      )
    )
      break;
  }
  const lost = await pass(jobs).catch((error: Error) => `the gate could not be enqueued: ${error.message}`);
  if (lost) faults.push(`after driver errors, ${lost}`);
  const { promise: isBack, resolve: back } = Promise.withResolvers<void>();
  const watch = setInterval(() => worker.health().state === "running" && back(), 100);
  await Promise.race([isBack, sleep(30_000)]);
  clearInterval(watch);
  const { state } = worker.health();
  if (state !== "running") faults.push(`after driver errors the worker's health is "${state}"`);
  await jobs.close();
  await own.close();
  await wire?.close();
  return { faults, accepted: accepted.size, refused };
}

interface OwnFaults {
  readonly kinds: readonly Fault[];
  close(): Promise<void>;
}

/** What a store's own server, or another process, does to a driver. */
async function ownFaults(
  { name }: FaultTarget,
  { url }: Store,
  server: Pick<TestServer, "url" | "port"> | null,
): Promise<OwnFaults> {
  if (name === "sqlite") return lockedFile(url.replace(/^sqlite:/, ""));
  if (name === "bullmq") return redisFaults(server?.url ?? "");
  if (name === "postgres") return postgresFaults(server?.url ?? "");
  return { kinds: [], close: async () => {} };
}

function lockedFile(file: string): OwnFaults {
  const other = new DatabaseSync(file);
  return {
    kinds: [
      async () => {
        other.exec("PRAGMA busy_timeout = 2000; BEGIN IMMEDIATE");
        return async () => other.exec("ROLLBACK");
      },
      async () => {
        other.exec("BEGIN; SELECT count(*) FROM waybill_jobs");
        return async () => other.exec("COMMIT");
      },
      async () => {
        other.exec("PRAGMA wal_checkpoint(PASSIVE)");
        return async () => {};
      },
    ],
    close: async () => other.close(),
  };
}

async function redisFaults(url: string): Promise<OwnFaults> {
  const admin = new Redis(url.replace(/^[a-z]+:/, "redis:"));
  const set = async (...words: string[]): Promise<void> => void (await admin.call(...(words as [string])));
  const during =
    (begin: string[], end: string[]): Fault =>
    async () => {
      await set(...begin);
      return () => set(...end);
    };
  return {
    kinds: [
      during(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"], ["PING"]),
      during(["CLIENT", "UNPAUSE"], ["CLIENT", "UNPAUSE"]),
      during(["CLIENT", "PAUSE", "50", "ALL"], ["PING"]),
      during(["ACL", "SETUSER", "default", "-evalsha", "-eval"], ["ACL", "SETUSER", "default", "+@all"]),
      during(["ACL", "SETUSER", "default", "-bzpopmin"], ["ACL", "SETUSER", "default", "+@all"]),
      during(["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
      during(["CONFIG", "SET", "min-replicas-to-write", "3"], ["CONFIG", "SET", "min-replicas-to-write", "0"]),
      during(["SCRIPT", "FLUSH"], ["PING"]),
      // A replica without a primary: it refuses writes as READONLY and keeps its data.
      during(["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
    ],
    close: async () => admin.disconnect(),
  };
}

async function postgresFaults(url: string): Promise<OwnFaults> {
  const admin = new Client(url);
  await admin.connect();
  const once =
    (statement: string): Fault =>
    async () => {
      await admin.query(statement);
      return async () => {};
    };
  const others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
  return {
    kinds: [
      once(`SELECT pg_terminate_backend(pid) ${others}`),
      once(`SELECT pg_cancel_backend(pid) ${others}`),
      async () => {
        await admin.query("ALTER SYSTEM SET default_transaction_read_only = on");
        await admin.query("SELECT pg_reload_conf()");
        return async () => {
          await admin.query("ALTER SYSTEM RESET default_transaction_read_only");
          await admin.query("SELECT pg_reload_conf()");
        };
      },
    ],
    close: () => admin.end(),
  };
}
