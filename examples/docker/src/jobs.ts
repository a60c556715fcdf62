import { setTimeout as sleep } from "node:timers/promises";
import { defineJob } from "@waybill/core";
import { z } from "zod";

export const buildReport = defineJob({
  type: "report.build",
  payload: z.object({ month: z.string() }),
  async handler({ month }, job) {
    console.log(`building the report of ${month}`);
    // Give the signal to whatever takes long: a job that is still running after 20 s of a shutdown is aborted, and runs elsewhere.
    await sleep(3_000, undefined, { signal: job.signal });
    console.log(`built the report of ${month}`);
  },
});
