import { setTimeout as sleep } from "node:timers/promises";
import { isWaybillError, type Jobs } from "@waybill/core";
import {
  makeSmallDisk,
  type SmallDisk,
  startFauxqs,
  startPostgres,
  startRabbit,
  startRedis,
  type TestServer,
} from "@waybill/test-servers";
import type { BackendName } from "../../backends.ts";
import { blink } from "../../jobs.ts";
import { eventually } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { everywhere, type Scenario } from "../frame/scenario.ts";

const MIB = 1_048_576;
const CODES: ReadonlySet<string> = new Set(["BACKEND_FULL", "BACKEND_UNAVAILABLE", "ENQUEUE_UNKNOWN"]);

/** A disk on which each starts with a little space, and how. */
const DISKS: Readonly<Record<BackendName, { bytes: number; start: (parent: string) => Promise<TestServer | null> }>> = {
  sqlite: { bytes: 8 * MIB, start: async () => null },
  bullmq: { bytes: 16 * MIB, start: (parent) => startRedis({ appendfsync: "always", parent }) },
  postgres: {
    bytes: 192 * MIB,
    start: (parent) => startPostgres({ parent, settings: { max_wal_size: "32MB", min_wal_size: "32MB" } }),
  },
  rabbitmq: {
    bytes: 64 * MIB,
    start: (parent) => startRabbit({ parent, config: ["disk_free_limit.absolute = 4MB"] }),
  },
  sqs: { bytes: 16 * MIB, start: (parent) => startFauxqs({ parent }) },
};

export const fullDisk: Scenario = {
  name: "full disk",
  promise:
    "When the disk of the store is full, enqueue rejects within its time limit, nothing that was accepted is lost, and once there is space work goes on without a restart of the worker.",
  rows: [],
  on: everywhere,
  // RabbitMQ takes two minutes to be back.
  cut: ["sqlite", "bullmq", "postgres"],
  needsRoot: "only root may mount a disk",
  duplicates: {
    most: 510,
    why: "what has run and cannot be acknowledged on a full disk runs again: the worker's 10 jobs and its prefetch of 500",
  },
  load: "works",
  server: "shared",
  async run(context) {
    const { target, freshStore, connected, started, atEnd, random } = context;
    const { bytes, start } = DISKS[target.name];
    const disk = makeSmallDisk(bytes);
    atEnd(() => disk.remove());
    const server = await start(disk.folder);
    if (server !== null) atEnd(() => server.stop());
    const { folder } = await freshStore();
    const url = target.storeUrl(server?.url ?? "", `disk${Math.floor(random() * 1e6)}`, disk.folder);
    const ledger = ledgerIn(folder);
    const jobs = await connected(url);
    const worker = started("worker", url, ledger.record, JSON.stringify({ queues: ["default"], lease: "5s" }));
    const accepted = [(await jobs.enqueue(blink, {})).id];
    await eventually(() => ledger.deeds("end").length === 1, "the worker is at work");

    disk.fill();
    const refusal = await enqueueUntilRefused(jobs, accepted);
    await sleep(context.pick(2_000, 10_000));
    disk.free();
    await backInService(server, disk, jobs, accepted);
    const lost = await ledger.settle(accepted);
    const violations = [];
    if (!isWaybillError(refusal) || !CODES.has(refusal.code)) {
      violations.push(`enqueue on a full disk ended with ${String(refusal)}`);
    }
    if (worker.lines.some(({ event }) => event === "stopped")) violations.push("the worker stopped");
    return { accepted: accepted.length, lost, duplicated: ledger.duplicated(), violations };
  },
};

/** Returns what enqueue rejected with; null where the disk took everything. */
async function enqueueUntilRefused(jobs: Jobs, accepted: string[]): Promise<unknown> {
  for (let n = 0; n < 2_000; n += 1) {
    try {
      accepted.push((await jobs.enqueue(blink, { text: "x".repeat(50_000) })).id);
    } catch (error) {
      return error;
    }
  }
  return null;
}

/** Waits until the store takes jobs again. A server that ended on a full disk is started as a supervisor would. */
async function backInService(
  server: TestServer | null,
  disk: SmallDisk,
  jobs: Jobs,
  accepted: string[],
): Promise<void> {
  let last: unknown = null;
  for (let tries = 0; tries < 40; tries += 1) {
    try {
      accepted.push((await jobs.enqueue(blink, {})).id);
      return;
    } catch (error) {
      last = error;
    }
    const asksForRestart = last instanceof Error && last.message.includes("restart the broker");
    if (server !== null && (asksForRestart || tries % 10 === 5))
      await server.restart().catch((error: unknown) => (last = error));
    await sleep(500);
  }
  throw new Error(`no job is accepted although ${disk.folder} has space: ${String(last)}`);
}
