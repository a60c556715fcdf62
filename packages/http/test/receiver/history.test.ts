import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { connect, defineJob, type HistoryPoint, type Jobs, newSecret } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { createReceiver, sendOverHttp, sqsd } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { expect, onTestFinished, test } from "vitest";
import { daemonRequest, envelope, keys, signedAttributes } from "../support/daemon-request.ts";
import { listening } from "../support/sending-worker.ts";

const note = defineJob({ type: "note", timeout: "1m", handler() {} });
const fails = defineJob({
  type: "fails",
  timeout: "1m",
  handler() {
    throw new Error("not today");
  },
});

/** A store whose history some dashboard has requested. */
async function requested() {
  const store = memoryBackend();
  const reader = await connect(store, { log: "off" });
  onTestFinished(() => reader.close());
  await reader.history();
  return { store, reader };
}

async function counted(jobs: Jobs): Promise<Record<"completed" | "retried" | "dead", number>> {
  const { points } = await jobs.history({ last: "5m" });
  const sum = (name: "completed" | "retried" | "dead"): number =>
    points.reduce((all: number, point: HistoryPoint) => all + point[name], 0);
  return { completed: sum("completed"), retried: sum("retried"), dead: sum("dead") };
}

test("jobs that a carrier pushes to a receiver on the events of a connection are in the history of its store", async () => {
  const { store, reader } = await requested();
  let upMs = 1_500;
  // A receiver's connection looks within its first second whether the history is requested, as a worker's does.
  const run = async (): Promise<number> => {
    const jobs = await connect(store, { log: "off" });
    const carriers = [sqsd({ keys, httpConnections: 10 })];
    const receiver = createReceiver({ jobs: [note, fails], carriers, events: jobs.events });
    const push = async (type: string): Promise<void> => {
      const body = envelope(type);
      await receiver(daemonRequest({ body, attributes: signedAttributes(body) }));
    };
    await pause(upMs);
    upMs *= 2;
    await push("note");
    await push("fails");
    await receiver.stop();
    await jobs.close();
    const { completed, retried } = await counted(reader);
    expect(retried).toBe(completed);
    return completed;
  };
  await expect.poll(run, { timeout: 25_000, interval: 10 }).toBe(1);
});

test("a job that our sender pushes to a receiver on the same store is counted once", async () => {
  const { store, reader } = await requested();
  const jobs = await connect(store, { log: "off" });
  const secret = newSecret();
  const receiver = createReceiver({ jobs: [note], keys: secret, events: jobs.events });
  const to = `${await listening(createServer(nodeListener(receiver)))}/work`;
  await jobs.history();
  let settled = 0;
  jobs.events.on("settled", () => void (settled += 1));
  for (let at = 0; at < 5; at++) await jobs.enqueue(note, { at });
  await jobs.worker({ jobs: [sendOverHttp({ to, keys: secret })], queues: ["default"] }).start();
  // By the receiver and by the sender.
  await expect.poll(() => settled, { timeout: 10_000 }).toBe(10);
  await receiver.stop();
  await jobs.close();
  expect(await counted(reader)).toEqual({ completed: 5, retried: 0, dead: 0 });
});
