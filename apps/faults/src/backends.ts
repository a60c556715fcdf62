import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackendFactory } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { fromUrl as bullmq } from "@waybill/bullmq";
import { fromUrl as postgres } from "@waybill/postgres";
import { fromUrl as rabbitmq } from "@waybill/rabbitmq";
import { fromUrl as sqlite } from "@waybill/sqlite";
import { fromUrl as sqs } from "@waybill/sqs";
import { startFauxqs, startPostgres, startRabbit, startRedis, type TestServer } from "@waybill/test-servers";

/** A store of its own for one scenario, reachable from any process by its URL. */
export interface Store {
  readonly url: string;
  /** A folder that goes with the store: scenarios keep their records there. */
  readonly folder: string;
  remove(): Promise<void>;
}

export type BackendName = "sqlite" | "bullmq" | "postgres" | "rabbitmq" | "sqs";

export interface FaultTarget {
  readonly name: BackendName | "memory";
  /** The settings of the store and of waybill on which the promises of the catalogue stand. */
  readonly durability: string;
  /** A server of our own that may be killed, frozen and cut off; null where there is none. */
  readonly startServer: (() => Promise<TestServer>) | null;
  /** The URL of an empty store. `serverUrl` is "" where there is no server, `name` is [a-z0-9]+. */
  readonly storeUrl: (serverUrl: string, name: string, folder: string) => string;
  /** What `connect` would open for the URL, for scenarios that look over a backend's shoulder. */
  readonly factory: (url: string) => BackendFactory;
  /** Whether an id that is enqueued twice is one job. */
  readonly uniqueIds: boolean;
  /** Whether the store lists the workers that run on it. */
  readonly keepsWorkerRegistry: boolean;
  /** Jobs that many workers share in a scenario of some seconds. */
  readonly crowd: number;
  /** Rest of each of a producer's 50 lines after a job, where a backlog would take the store minutes to hand out. */
  readonly restMs: number;
  /** A kill this soon after a store was laid out proves nothing: the server has not promised to know it yet. */
  readonly ripeMs: number;
}

/** A backend that outlives its processes. */
export type DurableTarget = FaultTarget & { readonly name: BackendName };

/** A place for records, gone after the scenario. */
export async function freshFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-faults-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

const usual = {
  uniqueIds: true,
  keepsWorkerRegistry: true,
  crowd: 20_000,
  restMs: 0,
  ripeMs: 0,
} as const;

/** For scenarios that need no second process. */
export const inProcess: FaultTarget = {
  ...usual,
  name: "memory",
  durability: "none: it ends with its process",
  startServer: null,
  storeUrl: () => "memory:",
  factory: () => memoryBackend(),
};

const withParameter = (url: string, name: string, value: string): string => {
  const parts = new URL(url);
  parts.searchParams.set(name, value);
  return parts.href;
};

/** Every backend that outlives a process: all scenarios run on each. */
export const targets: readonly DurableTarget[] = [
  {
    ...usual,
    name: "sqlite",
    durability: "`journal_mode = WAL`, `synchronous = FULL` (the defaults of waybill)",
    startServer: null,
    storeUrl: (_, name, folder) => `sqlite:${join(folder, `${name}.db`)}`,
    factory: sqlite,
  },
  {
    ...usual,
    name: "bullmq",
    durability: "`appendonly yes`, `appendfsync always`; with `everysec` a crash of Redis may lose its last second",
    // What was accepted must be there after a kill: each write is synced before its response.
    startServer: () => startRedis({ appendfsync: "always" }),
    storeUrl: (serverUrl, name) => withParameter(serverUrl, "prefix", name),
    factory: bullmq,
  },
  {
    ...usual,
    name: "postgres",
    durability: "`fsync = on`, `synchronous_commit = on` (the defaults of PostgreSQL)",
    startServer: () => startPostgres(),
    storeUrl: (serverUrl, name) => withParameter(serverUrl, "schema", name),
    factory: postgres,
  },
  {
    ...usual,
    name: "rabbitmq",
    durability: "quorum queues, persistent messages, publisher confirms (the defaults of waybill); one node",
    startServer: () => startRabbit(),
    storeUrl: (serverUrl, name) => withParameter(serverUrl, "prefix", name),
    factory: rabbitmq,
    uniqueIds: false,
    keepsWorkerRegistry: false,
    // It writes down every 5 s which quorum queues there are; killed before, it has lost the queue and what was in it.
    ripeMs: 6_000,
  },
  {
    ...usual,
    name: "sqs",
    durability: "an emulator with a file; SQS itself stores each message in several zones before it responds",
    startServer: () => startFauxqs(),
    storeUrl: (serverUrl, name) => serverUrl.replace(/^(sqs:\/\/[^/?]+)\/?/, `$1/${name}`),
    factory: sqs,
    uniqueIds: false,
    keepsWorkerRegistry: false,
    crowd: 4_000,
    restMs: 100,
  },
];
