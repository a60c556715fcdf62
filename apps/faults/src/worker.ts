/** One worker process. Arguments: URL, record file, then JSON settings. */
import { flushCompileCache } from "node:module";
import { connect, type Duration } from "@waybill/core";
import { jobsThatRecord } from "./jobs.ts";

interface Settings {
  readonly queues: readonly string[];
  readonly lease?: Duration;
  readonly concurrency?: number;
  /** How long a nap or a block lasts. */
  readonly ms?: number;
  readonly drain?: Duration;
  readonly heartbeat?: Duration;
  readonly maxLost?: number;
  readonly prefetch?: number;
}

const [url = "", record = "", json = "{}"] = process.argv.slice(2);
const {
  queues,
  lease = "2s",
  concurrency = 10,
  ms = 60_000,
  drain = "1s",
  heartbeat = "10s",
  maxLost = 20,
  prefetch = 500,
} = JSON.parse(json) as Settings;
const defect = process.env["WAYBILL_FAULTS_DEFECT"];
// Loads every backend: only where one is planted.
const store = defect === undefined ? url : (await import("./defects/open.ts")).openWithDefect(url, defect);
const jobs = await connect(store, { version: "faults" });
// Many of those who start this kill it: the next one need not compile it again.
flushCompileCache();
const shutdown = { drain, abort: "1s", close: "2s" } as const;
const handlers = jobsThatRecord(record, ms);
await jobs.worker({ jobs: handlers, queues, lease, concurrency, shutdown, heartbeat, maxLost, prefetch }).run();
process.exit(0);
