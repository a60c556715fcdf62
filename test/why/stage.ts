import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type ConnectOptions, type Jobs, type Worker, type WorkerOptions } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { serviceUrl, startFauxqsHere } from "@waybill/test-servers";

export const backendNames = ["memory", "sqlite", "postgres", "bullmq", "rabbitmq", "sqs"] as const;
export type BackendName = (typeof backendNames)[number];

/** Their brokers let no one look into their queues. They borrow a ledger from a file, which has their records as well. */
export const brokers: readonly BackendName[] = ["rabbitmq", "sqs"];

/** An empty store on a real server, which any number of connections can open. */
export interface Store {
  /** Null for one that only this process can open. */
  readonly url: string | null;
  /** The same as the URL has: a prefix, a schema or the path of a file. */
  readonly name: string;
  open(options?: ConnectOptions): Promise<Jobs>;
  /** Calls `work` once the store is no longer used. */
  ended(work: () => unknown): void;
}

/** What one situation is made with. */
export interface Stage {
  readonly backend: BackendName;
  readonly isBroker: boolean;
  readonly store: Store;
  /** Enqueues, runs workers, and asks why. */
  readonly jobs: Jobs;
  /** A queue that no other situation uses. */
  readonly queue: string;
  /** A connection to the same store that records its jobs, and a worker of it. Jobs of brokers are recorded by every connection. */
  recorded(): Promise<Pick<Stage, "jobs" | "worker">>;
  /** Starts a worker of the queue. Resolves once it is listed. */
  worker(options: Partial<WorkerOptions> & Pick<WorkerOptions, "jobs">): Promise<Worker>;
  /** A connection to another store of the backend, without records, which all situations share. */
  unrecorded(): Promise<Jobs>;
  /** An empty store beside the one that all situations share. */
  freshStore(): Promise<Store>;
  /** Calls `work` once the test has ended, the last one first. */
  ended(work: () => unknown): void;
}

const withParameter = (url: string, name: string, value: string): string => {
  const parts = new URL(url);
  parts.searchParams.set(name, value);
  return parts.href;
};

const unique = (): string => `why${crypto.randomUUID().slice(0, 8)}`;

/** Makes an empty store. What it leaves behind is removed by `ended`. */
export async function freshStore(
  backend: BackendName,
  ended: (work: () => unknown) => void,
  { records: areRecorded = true }: { readonly records?: boolean } = {},
): Promise<Store> {
  const records = areRecorded ? ({ records: "1d" } as const) : {};
  const name = unique();
  const folder = mkdtempSync(join(tmpdir(), "waybill-why-"));
  ended(() => rmSync(folder, { recursive: true, force: true }));
  const common: ConnectOptions = { log: "off", enqueueTimeout: "30s" };
  const ledger = `sqlite:${join(folder, "ledger.db")}`;
  const openUrl = (url: string, more: ConnectOptions = {}): Store => ({
    ended,
    url: more.ledger === undefined ? url : withParameter(url, "ledger", String(more.ledger)),
    name,
    open: (options = {}) => connect(url, { ...common, ...more, ...options }),
  });
  switch (backend) {
    case "memory": {
      const memory = memoryBackend();
      return { url: null, name, ended, open: (options = {}) => connect(memory, { ...common, ...options }) };
    }
    case "sqlite":
      return { ...openUrl(`sqlite:${join(folder, "jobs.db")}`), name: join(folder, "jobs.db") };
    case "postgres":
      return openUrl(withParameter(await serviceUrl("postgres"), "schema", name));
    case "bullmq":
      return openUrl(withParameter(await serviceUrl("redis"), "prefix", name));
    case "rabbitmq":
      return openUrl(withParameter(await serviceUrl("rabbitmq"), "prefix", name), { ledger, ...records });
    case "sqs": {
      const server = await startFauxqsHere();
      ended(() => server.stop());
      process.env["AWS_ACCESS_KEY_ID"] ??= "test";
      process.env["AWS_SECRET_ACCESS_KEY"] ??= "test";
      return openUrl(server.url.replace("?", `/${name}?`), { ledger, ...records });
    }
  }
}

const opened = new WeakMap<Store, Map<string, Promise<Jobs>>>();

/** Returns the connection of this name, which all situations of a store share. The first call opens it. */
function shared(store: Store, name: string, open: () => Promise<Jobs>): Promise<Jobs> {
  const own = opened.get(store) ?? new Map<string, Promise<Jobs>>();
  opened.set(store, own);
  const found = own.get(name) ?? open();
  own.set(name, found);
  return found;
}

/** Closes what the situations of a store have shared. */
export async function closeShared(store: Store): Promise<void> {
  for (const found of opened.get(store)?.values() ?? []) await (await found).close();
}

/** Sets up one situation on the shared store. */
export function stageOf(backend: BackendName, store: Store, jobs: Jobs, ended: Stage["ended"]): Stage {
  const queue = unique();
  const isBroker = brokers.includes(backend);
  return {
    backend,
    isBroker,
    store,
    jobs,
    queue,
    ended,
    unrecorded: () =>
      shared(store, "unrecorded", async () => (await freshStore(backend, store.ended, { records: false })).open()),
    freshStore: () => freshStore(backend, ended),
    async recorded() {
      const recording = isBroker ? jobs : await shared(store, "recorded", () => store.open({ records: "1d" }));
      return {
        jobs: recording,
        worker: (options) => listedWorker({ jobs: recording, ended }, { queues: [queue], ...options }),
      };
    },
    worker: (options) => listedWorker({ jobs, ended }, { queues: [queue], ...options }),
  };
}

/** Starts a worker, and stops it after the test. */
export async function listedWorker(
  { jobs, ended }: Pick<Stage, "jobs" | "ended">,
  options: WorkerOptions,
): Promise<Worker> {
  const shutdown = { drain: 0, abort: 0 };
  const worker = jobs.worker({ heartbeat: "300ms", prefetch: 0, shutdown, ...options });
  ended(() => void worker.stop());
  await worker.start();
  await until("the worker is listed", async () => (await jobs.workers()).some(({ id }) => id === worker.id));
  return worker;
}

const MOST_MS = 25_000;

/** Returns what `find` finds; asks again while that is null, undefined or false. */
export async function until<T>(
  what: string,
  find: () => T | Promise<T>,
): Promise<Exclude<T, null | undefined | false>> {
  for (const end = performance.now() + MOST_MS; performance.now() < end; await sleep(100)) {
    const found = await find();
    if (found) return found as Exclude<T, null | undefined | false>;
  }
  throw new Error(`${what}: not within ${MOST_MS} ms`);
}

/** A handler that runs until the test has ended, with a promise of its first start. */
export function endless({ ended: whenEnded }: Pick<Stage, "ended">): {
  readonly handler: () => Promise<void>;
  readonly started: Promise<void>;
} {
  let isStarted = (): void => {};
  let end = (): void => {};
  const started = new Promise<void>((resolve) => (isStarted = resolve));
  const ended = new Promise<void>((resolve) => (end = resolve));
  whenEnded(() => end());
  return {
    started,
    handler() {
      isStarted();
      return ended;
    },
  };
}
