import { existsSync } from "node:fs";
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

/** Leaves a rejection unhandled in its first delivery, and goes on. */
export const reject = defineJob({ type: "fault.reject" });
/** Fills the heap in its first delivery. */
export const heap = defineJob({ type: "fault.heap" });
/** Sleeps, and fails its first attempt. */
export const flaky = defineJob({ type: "fault.flaky", retry: { initial: "1s", jitter: false } });

/** Ends its process, and itself with it. */
export const kill = defineJob({ type: "fault.kill" });

/** Once this file is there, the jobs that hold the event loop end. */
export const endOfBlocks = (file: string): string => `${file}-unblocked`;

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
    handlerFor(reject, async (_, job) => {
      if (job.delivery.lost === 0) {
        void Promise.reject(new Error("a rejection without a handler"));
        await sleep(1_000);
      }
      writeDeed(file, "end", job);
    }),
    handlerFor(heap, (_, job) => {
      const kept: unknown[] = [];
      while (job.delivery.lost === 0) kept.push(Array.from({ length: 10_000 }, (__, n) => ({ n })));
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
      const until = performance.now() + ms;
      const cell = new Int32Array(new SharedArrayBuffer(4));
      while (performance.now() < until && !existsSync(endOfBlocks(file))) Atomics.wait(cell, 0, 0, Math.min(ms, 20));
      writeDeed(file, "end", job);
    }),
  ];
}
