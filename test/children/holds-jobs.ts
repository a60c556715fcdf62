// Runs two workers, whose jobs have no end: the lease of the first is long, that of the second short. Prints a line once both run.
import { connect, defineJob } from "@waybill/core";

const [url = "", leased = "", lost = ""] = process.argv.slice(2);
const jobs = await connect(url, { log: "off", records: "1d" });
let running = 0;
const held = defineJob({
  type: "held",
  async handler() {
    running += 1;
    if (running === 2) {
      // Reading writes first what is recorded.
      await jobs.records.get("none");
      console.log("both run");
    }
    await new Promise(() => undefined);
  },
});
for (const [queue, lease] of [
  [leased, "10m"],
  [lost, "2s"],
] as const) {
  await jobs.worker({ jobs: [held], queues: [queue], lease, heartbeat: "200ms" }).start();
}
