import { afterEach, expect, test } from "vitest";
import { defineJob, derivedId, type Jobs } from "../../src/index.ts";
import { parseEnvelope } from "../../src/envelope/index.ts";
import { type TestJobs, testJobs } from "../../src/testing/index.ts";

const ran: string[] = [];
const receipt = defineJob({ type: "receipt.send", handler: (_, job) => void ran.push(job.id) });

let jobs: TestJobs | null = null;
afterEach(async () => {
  ran.length = 0;
  await jobs?.close();
});

const enqueue = (connection: Jobs, orderId: string, payload: unknown = { orderId }) =>
  connection.enqueue(receipt, payload, { id: ["receipt", orderId] });

test("the same parts enqueue one job, and others another", async () => {
  jobs = await testJobs({ jobs: [receipt] });
  const receipts = await Promise.all([enqueue(jobs, "o_1"), enqueue(jobs, "o_1"), enqueue(jobs, "o_2")]);
  expect(receipts).toEqual([
    { id: derivedId(["receipt", "o_1"]), stored: true },
    { id: derivedId(["receipt", "o_1"]), stored: false },
    { id: derivedId(["receipt", "o_2"]), stored: true },
  ]);
  await jobs.drain();
  expect(ran.toSorted()).toEqual([derivedId(["receipt", "o_1"]), derivedId(["receipt", "o_2"])].toSorted());
});

test("the same parts with another payload are a conflict, not a silent loss", async () => {
  jobs = await testJobs({ jobs: [receipt] });
  await enqueue(jobs, "o_1");
  await expect(enqueue(jobs, "o_1", { orderId: "o_1", copy: true })).rejects.toMatchObject({ code: "ID_CONFLICT" });
});

test("the parts travel in meta, beside what the caller put there", async () => {
  const bodies: string[] = [];
  const failing = defineJob({
    type: "receipt.fail",
    retry: { maxAttempts: 1 },
    handler: () => Promise.reject(new Error("no")),
  });
  jobs = await testJobs({ jobs: [failing] });
  await jobs.enqueue(failing, null, { id: ["receipt", 7], meta: { shop: "s_1" } });
  await jobs.drain();
  for (const { body } of (await jobs.inspector?.deadLetters()) ?? []) bodies.push(body);
  expect(bodies.map((body) => parseEnvelope(body).meta)).toEqual([{ shop: "s_1", id_source: ["receipt", 7] }]);
});

test.each([
  ["no parts", []],
  ["an empty text", ["receipt", ""]],
  ["undefined, as of a variable that is not set", ["receipt", undefined]],
  ["a fraction", ["receipt", 1.5]],
])("%s: refused by the option and the job, and nothing is stored", async (_, parts) => {
  jobs = await testJobs({ jobs: [receipt] });
  const refused = jobs.enqueue(receipt, null, { id: parts as string[] });
  await expect(refused).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("receipt.send"),
  });
  expect(jobs.enqueued(receipt)).toEqual([]);
});

test("what reading the parts throws is the caller's own error, unchanged", async () => {
  jobs = await testJobs({ jobs: [receipt] });
  const own = new RangeError("of the caller");
  const parts = new Proxy(["receipt"], {
    get: (target, name, self) => {
      if (name === "entries") throw own;
      return Reflect.get(target, name, self) as unknown;
    },
  });
  await expect(jobs.enqueue(receipt, null, { id: parts })).rejects.toBe(own);
});
