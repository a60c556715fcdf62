import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, defineJob, type JobContext, type Jobs, newSecret } from "@waybill/core";
import { createReceiver, sqsd } from "@waybill/http";
import { sqsCall, startFauxqsHere, startSqsd } from "@waybill/test-servers";
import express from "express";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { waybill } from "@waybill/express";

const ran: { readonly payload: unknown; readonly job: JobContext }[] = [];
const keys = newSecret();
const payload = z.object({ name: z.string() });
const greet = defineJob({
  type: "greeting.print",
  timeout: "20s",
  payload,
  handler: (given, job) => void ran.push({ payload: given, job }),
});
const nightly = defineJob({
  type: "report.nightly",
  timeout: "20s",
  handler: (given, job) => void ran.push({ payload: given, job }),
});

let jobs: Jobs;
let daemon: ReturnType<typeof startSqsd>;
let home = "";
const open: (() => Promise<unknown> | void)[] = [];
beforeAll(async () => {
  const sqs = await startFauxqsHere();
  open.push(() => sqs.stop());
  const endpoint = `http://127.0.0.1:${sqs.port}`;
  jobs = await connect(`sqs://us-east-1/shop?queues=default&endpoint=${endpoint}`, { keys, log: "off" });
  open.push(() => jobs.close());

  const periodic = { "nightly-report": { path: "/tasks/nightly", job: nightly, schedule: "* * * * *" } };
  const carriers = [sqsd({ keys, httpConnections: 10, periodic })];
  const receiver = createReceiver({ jobs: [greet, nightly], carriers, allowIps: ["127.0.0.1"], log: "off" });
  const app = express();
  app.use(waybill(receiver));
  app.use(express.json());
  app.post("/orders", (request, response) => void response.json({ ordered: request.body }));
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  home = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });

  const { QueueUrl } = await sqsCall<{ QueueUrl: string }>(endpoint, "GetQueueUrl", { QueueName: "shop-default" });
  daemon = startSqsd({ endpoint, queueUrl: QueueUrl, postTo: `${home}/work`, httpConnections: 10 });
  open.push(() => daemon.stop());
});
afterAll(async () => {
  for (const close of open.toReversed()) await close();
});

const runOf = async (id: string) => {
  await expect.poll(() => ran.filter(({ job }) => job.id === id).length, { timeout: 5_000 }).toBe(1);
  return ran.find(({ job }) => job.id === id);
};

test("what `connect(sqs://…, { keys })` enqueues, Elastic Beanstalk's daemon delivers to an Express application", async () => {
  const { id } = await jobs.enqueue(greet, { name: "Ada" }, { tenant: "acme" });
  expect(await runOf(id)).toMatchObject({
    payload: { name: "Ada" },
    job: { attempt: 1, queue: "default", envelope: { meta: { tenant_id: "acme" } } },
  });
  await expect.poll(() => daemon.posts.map(({ result }) => result)).toEqual([200]);
});

test("a body that travels through SQS as base64 arrives as it was", async () => {
  const { id } = await jobs.enqueue(greet, { name: "Ada 🚚 \u0001" });
  expect(await runOf(id)).toMatchObject({ payload: { name: "Ada 🚚 \u0001" } });
  await expect.poll(() => daemon.posts.length).toBe(2);
});

test("a delay within the limit of SQS costs one delivery", async () => {
  const before = daemon.posts.length;
  const from = Date.now();
  const { id } = await jobs.enqueue(greet, { name: "later" }, { delay: "1s" });
  const run = await runOf(id);
  expect(run?.job.attempt).toBe(1);
  expect(Date.now() - from).toBeGreaterThanOrEqual(1_000);
  await expect.poll(() => daemon.posts.slice(before).map(({ result }) => result)).toEqual([200]);
});

test("a periodic task comes to its own path, and the application's own routes are left to it", async () => {
  const scheduledAt = new Date(Math.floor(Date.now() / 60_000) * 60_000).toISOString();
  await daemon.tick("nightly-report", "/tasks/nightly", scheduledAt);
  await expect.poll(() => ran.filter(({ job }) => job.type === "report.nightly").length).toBe(1);
  expect(ran.at(-1)?.payload).toEqual({ task: "nightly-report", scheduledAt });
  const order = { method: "POST", headers: { "content-type": "application/json" }, body: '{"n":1}' };
  const response = await fetch(`${home}/orders`, order);
  expect(await response.json()).toEqual({ ordered: { n: 1 } });
});

test("a job of a producer without the keys is not run", async () => {
  const before = ran.length;
  const forger = await connect(jobs.backend.address.replace(" at ", "?endpoint="), { keys: newSecret(), log: "off" });
  await forger.enqueue("greeting.print", { name: "Mallory" });
  await expect.poll(() => daemon.posts.at(-1)?.result).toBe(403);
  expect(ran).toHaveLength(before);
  await forger.close();
});
