/** One process with several workers whose job has limits. Arguments: URL, record file, then JSON settings. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, type Duration, type JobLimit, type WaybillError } from "@waybill/core";
import { writeSynced } from "../record.ts";
import type { LimitedStart } from "./record.ts";

interface Settings {
  readonly limit: Omit<JobLimit, "key" | "name">;
  readonly workers?: number;
  readonly concurrency?: number;
  readonly lease?: Duration;
  /** How long a job runs. */
  readonly ms?: number;
  readonly ledger?: string;
}

const [url = "", record = "", json = "{}"] = process.argv.slice(2);
const { limit, workers = 2, concurrency = 10, lease = "30s", ms = 0, ledger } = JSON.parse(json) as Settings;

const write = (line: LimitedStart): void => writeSynced(record, JSON.stringify(line));

const job = defineJob<{ key: string }>({
  type: "limited",
  limits: [{ ...limit, key: ({ key }) => key } as JobLimit<{ key: string }>],
  async handler({ key }, { id, delivery, signal, attempt }) {
    const run = { id, key, attempt, releases: delivery.releases, pid: process.pid };
    write({ what: "start", at: Date.now(), ...run });
    // In steps, so that the abort of a lost lease is seen.
    const until = performance.now() + ms;
    while (performance.now() < until && !signal.aborted) await sleep(Math.min(10, ms));
    if (!signal.aborted) return write({ what: "end", at: Date.now(), ...run });
    const reason = signal.reason as WaybillError;
    write({ what: "abort", at: Date.now(), code: reason.code, ...run });
    throw reason;
  },
});

const jobs = await connect(url, { version: "faults", ...(ledger !== undefined && { ledger }) });
const all = Array.from({ length: workers }, () =>
  jobs.worker({ jobs: [job], concurrency, lease, shutdown: { drain: "1s", abort: "1s", close: "2s" } }),
);
await Promise.all(all.map((worker) => worker.run()));
process.exit(0);
