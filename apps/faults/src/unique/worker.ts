/** One process that runs unique jobs until it is killed. Arguments: URL, record file, then JSON settings. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Duration } from "@waybill/core";
import { writeSynced } from "../record.ts";
import { ended, type UniqueDeed, uniqueJobs } from "./jobs.ts";

const [url = "", record = "", json = "{}"] = process.argv.slice(2);
const { ledger, lease } = JSON.parse(json) as { readonly ledger?: string; readonly lease?: Duration };
const write = (deed: UniqueDeed): void => writeSynced(record, JSON.stringify(deed));

const definitions = uniqueJobs(async ({ type, id, attempt }, payload) => {
  const { key, ms, ends } = payload;
  write({ what: "start", id, type, key, at: Date.now() });
  await sleep(ms);
  write({ what: ends === "dead" ? "dead" : "end", id, type, key, at: Date.now() });
  ended(payload, attempt);
});
const jobs = await connect(url, { version: "faults", ...(ledger !== undefined && { ledger }) });
await jobs.worker({ jobs: definitions, concurrency: 20, prefetch: 0, ...(lease !== undefined && { lease }) }).run();
process.exit(0);
