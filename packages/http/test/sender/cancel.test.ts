import { createServer } from "node:http";
import { connect, defineJob, newSecret, type OutcomeEvent } from "@waybill/core";
import { createReceiver, sendOverHttp } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { expect, onTestFinished, test } from "vitest";
import { listening } from "../support/sending-worker.ts";

test("a cancel reaches the handler of a job that is being pushed, and the job is not sent again", async () => {
  const aborted: unknown[] = [];
  let runs = 0;
  const endless = defineJob({
    type: "endless",
    handler(_, { signal }) {
      runs += 1;
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted.push((signal.reason as { code: string }).code);
          reject(new Error("stopped half-way"));
        });
      });
    },
  });
  const keys = newSecret();
  const to = `${await listening(createServer(nodeListener(createReceiver({ jobs: [endless], keys, log: "off" }))))}/work`;

  const jobs = await connect("memory:", { log: "off" });
  onTestFinished(() => jobs.close());
  const settled: OutcomeEvent[] = [];
  jobs.events.on("settled", (event) => void settled.push(event));
  const { id } = await jobs.enqueue("endless", {});
  await jobs.worker({ jobs: [sendOverHttp({ to, keys })], queues: ["default"] }).start();
  await expect.poll(() => runs, { timeout: 10_000 }).toBe(1);
  expect(await jobs.cancel(id)).toMatchObject({ aborting: 1 });
  await expect.poll(() => settled.length, { timeout: 10_000 }).toBe(1);
  expect(settled[0]).toMatchObject({ id, outcome: "dead", kept: false, reason: { code: "CANCELLED" } });
  // The receiver knows only that its sender no longer waits.
  await expect.poll(() => aborted, { timeout: 10_000 }).toEqual(["JOB_CANCELLED"]);
  expect(await jobs.find(id)).toBeNull();
  expect(runs).toBe(1);
});
