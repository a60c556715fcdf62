// The built packages, loaded as an application loads them, on whichever Node runs this file.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, defineJob, newSecret } from "@waybill/core";
import { createReceiver, sendOverHttp } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { findService } from "@waybill/test-servers";
import { z } from "zod";

/**
 * One job from enqueue to settled, and a second one that its worker hands back once.
 * @param {string} url
 */
async function runsJobs(url) {
  const greeted = /** @type {string[]} */ ([]);
  const greet = defineJob({
    type: "smoke.greet",
    payload: z.object({ name: z.string() }),
    retry: { initial: "10ms" },
    async handler({ name }, job) {
      if (name === "second" && job.attempt === 1) throw new Error("the first attempt fails on purpose");
      greeted.push(`${name} ${job.attempt}`);
    },
  });
  const jobs = await connect(url, { jobs: [greet], log: "off" });
  const completed = new Promise((resolve) => {
    let left = 2;
    jobs.events.on("settled", ({ outcome }) => {
      if (outcome === "completed" && --left === 0) resolve(undefined);
    });
  });
  const worker = jobs.worker({ jobs: [greet] });
  await worker.start();
  await jobs.enqueue(greet, { name: "first" });
  await jobs.enqueue(greet, { name: "second" });
  await completed;
  const report = await worker.stop();
  await jobs.close();
  assert.deepEqual(greeted.toSorted(), ["first 1", "second 2"]);
  assert.equal(report.completed, 2);
  assert.equal(report.unfinished, 0);
}

/**
 * The same on a server that runs here, or is started for it, through its client library.
 * @param {"redis" | "postgres" | "rabbitmq" | "sqs"} name
 */
async function runsJobsOn(name) {
  const { url, stop } = await findService(name);
  try {
    await runsJobs(url);
  } finally {
    await stop();
  }
}

/** A job leased from a file, pushed over HTTP with a signature, and run by a receiver. */
async function runsPushedJobs() {
  const keys = newSecret();
  const ran = /** @type {unknown[]} */ ([]);
  const greet = defineJob({ type: "smoke.greet", handler: (payload) => void ran.push(payload) });
  const receiver = createReceiver({ jobs: [greet], keys, log: "off" });
  const server = createServer(nodeListener(receiver));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const unsigned = await fetch(`http://127.0.0.1:${address.port}/work`, { method: "POST", body: "{}" });
  assert.equal(unsigned.status, 403);
  const jobs = await connect(`sqlite:${join(folder, "push.db")}`, { log: "off" });
  const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
  await jobs.enqueue("smoke.greet", { name: "pushed" });
  const sender = sendOverHttp({ to: `http://127.0.0.1:${address.port}/work`, keys });
  await jobs.worker({ jobs: [sender], queues: ["default"] }).start();
  assert.equal((await settled).outcome, "completed");
  assert.deepEqual(ran, [{ name: "pushed" }]);
  await jobs.close();
  await receiver.stop();
  server.close();
  server.closeAllConnections();
}

/** CommonJS applications load the packages by `require`, which a top-level await would forbid. */
function loadsFromCommonJs() {
  const require = createRequire(import.meta.url);
  assert.equal(require("@waybill/core").defineJob, defineJob);
  assert.equal(typeof require("@waybill/sqlite"), "object");
  assert.equal(typeof require("@waybill/backend-contract"), "object");
  assert.equal(require("@waybill/http").createReceiver, createReceiver);
  assert.equal(typeof require("@waybill/express").waybill, "function");
  assert.equal(typeof require("@waybill/nest").WaybillModule, "function");
}

const folder = await mkdtemp(join(tmpdir(), "waybill-smoke-"));
const checks = {
  "jobs run on memory:": () => runsJobs("memory:"),
  "jobs run on sqlite:": () => runsJobs(`sqlite:${join(folder, "smoke.db")}`),
  "jobs run on redis:": () => runsJobsOn("redis"),
  "jobs run on postgres:": () => runsJobsOn("postgres"),
  "jobs run on amqp:": () => runsJobsOn("rabbitmq"),
  "jobs run on sqs:": () => runsJobsOn("sqs"),
  "jobs run pushed over HTTP": runsPushedJobs,
  "CommonJS can require the packages": loadsFromCommonJs,
};
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  const timeout = AbortSignal.timeout(60_000);
  const late = new Promise((_, reject) => {
    timeout.addEventListener("abort", () => reject(new Error("not done within 60 s")));
  });
  try {
    await Promise.race([check(), late]);
    console.log(`ok    Node ${process.versions.node}: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  Node ${process.versions.node}: ${name}`, error);
  }
}
await rm(folder, { recursive: true });
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
