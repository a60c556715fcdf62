/** `run.ts ROLE URL`: the program of another process in a test. Each line of its output is a job's id. */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect, defineJob, type Duration } from "@waybill/core";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { lease: { type: "string" } } });
const [role = "", url = ""] = positionals;

/** A worker that writes the ids of its jobs and never ends them. */
async function nap(): Promise<void> {
  const jobs = await connect(url, { log: "off" });
  const napping = defineJob({
    type: "test.nap",
    async handler(_, job) {
      writeSync(1, `${job.id}\n`);
      await sleep(60_000, undefined, { signal: job.signal });
    },
  });
  const lease = (values.lease ?? "30s") as Duration;
  await jobs.worker({ jobs: [napping], lease, shutdown: { drain: "200ms", abort: "200ms" } }).run();
}

const roles: Readonly<Record<string, () => Promise<void>>> = { nap };
await roles[role]?.();
