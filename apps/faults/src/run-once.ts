/** One worker process whose handler has an effect by `once`. Arguments: URL, record file, then JSON settings. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import { writeDeed } from "./record.ts";

interface Settings {
  /** Kills this process once the result of this many effects is stored, before the job is settled. 0: never. */
  readonly dieAfter: number;
}

const [url = "", record = "", json = "{}"] = process.argv.slice(2);
const { dieAfter } = JSON.parse(json) as Settings;
let effects = 0;

const job = defineJob({
  type: "fault.effect",
  async handler(_, context) {
    await context.once("effect", async () => {
      await sleep(20);
      writeDeed(record, "start", context);
      effects += 1;
    });
    if (dieAfter > 0 && effects >= dieAfter) process.kill(process.pid, "SIGKILL");
    writeDeed(record, "end", context);
  },
});
const jobs = await connect(url, { log: "json" });
await jobs.worker({ jobs: [job], lease: "2s", concurrency: 2, prefetch: 0, heartbeat: "1s" }).run();
process.exit(0);
