import { join } from "node:path";
import { expect, test } from "vitest";
import { targets } from "../src/backends.ts";
import { eventually } from "../src/process.ts";
import { freshStore, started } from "./stores.ts";

const JOBS = 20;

/** Two worker processes and a producer process, each with a stdout of its own. */
test.each(targets)(
  "R4: on $name, a script rebuilds the timeline of 20 jobs over 2 worker processes from stdout alone, with no gap",
  async (target) => {
    const { url, folder } = await freshStore(target);
    const settings = JSON.stringify({ queues: ["default"], concurrency: 3, ms: 100 });
    const workers = [1, 2].map(() => started("worker", url, join(folder, "deeds"), settings));
    const isUp = (): boolean => workers.every(({ lines }) => lines.some(({ event }) => event === "booted"));
    await eventually(isUp, "both workers are up");
    const producer = started("script", url, "enqueuesTwenty");
    expect(await producer.ended).toBe(0);
    const completed = (): number =>
      workers.flatMap(({ lines }) => lines).filter(({ outcome }) => outcome === "completed").length;
    await eventually(() => completed() === JOBS, "every job is completed");
    for (const worker of workers) worker.kill("SIGTERM");
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0]);

    const lines = [producer, ...workers].flatMap((running) => running.lines).filter(({ id }) => typeof id === "string");
    const timelines = Map.groupBy(lines, ({ id }) => id);
    expect(timelines.size).toBe(JOBS);
    for (const timeline of timelines.values()) {
      // By time, but "enqueued" first: the producer writes it after the store has responded, when a worker may have started.
      const when = ({ event, at }: (typeof timeline)[number]): number =>
        event === "enqueued" ? 0 : Date.parse(String(at));
      const steps = timeline
        .toSorted((one, other) => when(one) - when(other))
        .map(({ event, outcome, attempt }) => [event, attempt, outcome].filter((word) => word !== undefined).join(" "));
      expect(steps).toEqual(["enqueued", "started 1", "settled 1 retry", "started 2", "settled 2 completed"]);
      for (const { type, queue, host } of timeline) {
        expect({ type, queue, host }).toEqual({ type: "fault.flaky", queue: "default", host: expect.any(String) });
      }
      // A delivery starts and ends in one worker, which is named.
      const ran = timeline.filter(({ event }) => event !== "enqueued");
      for (const attempt of [1, 2]) {
        const names = new Set(ran.filter((line) => line["attempt"] === attempt).map((line) => line["worker"]));
        expect([...names]).toEqual([expect.any(String)]);
      }
    }
    const names = new Set(lines.flatMap((line) => (line.event === "started" ? [line["worker"]] : [])));
    expect(names.size).toBe(2);
  },
  90_000,
);
