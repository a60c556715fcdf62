import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, handlerFor, type JobDefinition } from "@waybill/core";
import { writeDeed } from "./record.ts";

/** Sleeps, and heeds its signal. */
export const nap = defineJob({ type: "fault.nap" });
/** Ends at once. */
export const blink = defineJob({ type: "fault.blink" });
/** Holds the whole event loop. */
export const block = defineJob({ type: "fault.block" });

/** Works ten times as long as a nap, in small steps, and heeds its signal at each. */
export const grind = defineJob({ type: "fault.grind" });

/** Calls `process.exit(0)` in its first delivery. */
export const quit = defineJob({ type: "fault.quit" });

/** Sleeps, and fails its first attempt. */
export const flaky = defineJob({ type: "fault.flaky", retry: { initial: "1s", jitter: false } });

/** Ends its process, and itself with it. */
export const kill = defineJob({ type: "fault.kill" });

const STEPS = 100;

/** The jobs with handlers that record what they do in `file`; naps and blocks last `ms`. */
export function jobsThatRecord(file: string, ms: number): JobDefinition[] {
  return [
    handlerFor(nap, async (_, job) => {
      writeDeed(file, "start", job);
      await sleep(ms, undefined, { signal: job.signal }).catch((error: unknown) => {
        writeDeed(file, "abort", job);
        throw error;
      });
      writeDeed(file, "end", job);
    }),
    handlerFor(grind, async (_, job) => {
      writeDeed(file, "start", job);
      for (let step = 0; step < STEPS; step += 1) {
        await sleep((10 * ms) / STEPS);
        if (job.signal.aborted) {
          writeDeed(file, "abort", job);
          throw job.signal.reason;
        }
      }
      writeDeed(file, "end", job);
    }),
    handlerFor(blink, (_, job) => writeDeed(file, "end", job)),
    handlerFor(flaky, async (_, job) => {
      await sleep(ms, undefined, { signal: job.signal });
      if (job.attempt === 1) throw new Error("the first attempt fails");
      writeDeed(file, "end", job);
    }),
    handlerFor(quit, (_, job) => {
      if (job.delivery.lost === 0) process.exit(0);
      writeDeed(file, "end", job);
    }),
    handlerFor(kill, (_, job) => {
      writeDeed(file, "start", job);
      process.kill(process.pid, "SIGKILL");
      // The signal is on its way; nothing more is said.
      return new Promise(() => {});
    }),
    handlerFor(block, (_, job) => {
      writeDeed(file, "start", job);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      writeDeed(file, "end", job);
    }),
  ];
}
