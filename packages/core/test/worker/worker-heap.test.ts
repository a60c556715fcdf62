import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { defineJob, type Worker } from "../../src/index.ts";
import { connected } from "../helpers/connected.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("a connection keeps nothing of a worker that has stopped", async () => {
  const jobs = await connected();
  async function stopped(): Promise<WeakRef<Worker>> {
    const worker = jobs.worker({ jobs: [defineJob({ type: "noop", handler() {} })] });
    await worker.start();
    await worker.stop();
    return new WeakRef(worker);
  }
  const worker = await stopped();
  const isKept = (): boolean => {
    collectGarbage();
    return worker.deref() !== undefined;
  };
  await expect.poll(isKept, { timeout: 5_000 }).toBe(false);
});
