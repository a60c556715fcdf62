/** One worker process with one schedule. Arguments: URL, record file, then JSON settings. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, defineSchedule, type Duration } from "@waybill/core";
import { writeDeed } from "./record.ts";

interface Settings {
  readonly name: string;
  readonly every?: Duration;
  readonly afterCompletion?: Duration;
  /** How long the job lasts. */
  readonly ms: number;
}

const [url = "", record = "", json = "{}"] = process.argv.slice(2);
const { name, every, afterCompletion, ms } = JSON.parse(json) as Settings;
const job = defineJob({
  type: "fault.scheduled",
  async handler(_, context) {
    writeDeed(record, "start", context);
    await sleep(ms);
    writeDeed(record, "end", context);
  },
});
const schedules = [defineSchedule({ name, job, payload: {}, every, afterCompletion })];
const jobs = await connect(url, { log: "json" });
await jobs.worker({ jobs: [job], schedules, lease: "2s", concurrency: 5, prefetch: 0, heartbeat: "2s" }).run();
process.exit(0);
