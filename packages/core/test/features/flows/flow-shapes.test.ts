import { defineJob } from "@waybill/core";
import { testJobs, type TestJobs } from "@waybill/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";

let jobs: TestJobs;
let ran: string[] = [];
/** Whether the handler that adds members fails after it has. */
let diesAfterAdding = false;

const step = defineJob({
  type: "step.run",
  payload: z.string(),
  retry: { maxAttempts: 1 },
  handler: (name) => {
    ran.push(name);
    if (name === "dying") throw new Error("it fails");
  },
});
const split = defineJob({
  type: "step.split",
  payload: z.string(),
  retry: { maxAttempts: 2, initial: "1s" },
  handler: async (name, job) => {
    ran.push(name);
    await job.flow?.add(step, "added");
    if (diesAfterAdding && job.attempt === 1) throw new Error("it fails after it has added");
  },
});

beforeEach(async () => {
  ran = [];
  diesAfterAdding = false;
  jobs = await testJobs({ jobs: [step, split] });
});
afterEach(() => jobs.close());

test("a batch of nothing runs its last job at once", async () => {
  const { id } = await jobs.batch([], { job: step, payload: "end" });
  await jobs.drain();
  expect([ran, (await jobs.flows.get(id))?.state]).toEqual([["end"], "completed"]);
});

test("flows within flows, three deep, are waited for as a whole", async () => {
  const innermost = jobs.flow("innermost");
  innermost.add(step, "c2", { after: innermost.add(step, "c1") });
  const middle = jobs.flow("middle");
  middle.add(step, "b2", { after: middle.addFlow(innermost, { after: middle.add(step, "b1") }) });
  const outer = jobs.flow("outer");
  outer.add(step, "a2", { after: outer.addFlow(middle, { after: outer.add(step, "a1") }) });
  const { id } = await outer.start();
  await jobs.drain();
  expect([ran, (await jobs.flows.get(id))?.state]).toEqual([["a1", "b1", "c1", "c2", "b2", "a2"], "completed"]);
});

test("a handler that dies after it has added a member adds it once, and what comes after waits for both", async () => {
  diesAfterAdding = true;
  const flow = jobs.flow("album");
  flow.add(step, "end", { after: flow.add(split, "split") });
  const { id } = await flow.start();
  await jobs.drain();
  await jobs.advance("5s");
  await jobs.drain();
  expect([ran, (await jobs.flows.get(id))?.members.length]).toEqual([["split", "added", "split", "end"], 3]);
});

test("of 2,000 members before one, a dead one ends what needs them all and runs what takes any end, once", async () => {
  const flow = jobs.flow("large");
  const all = Array.from({ length: 2_000 }, (_, at) => flow.add(step, at === 1_234 ? "dying" : "one"));
  const needs = flow.add(step, "needs all", { after: all });
  flow.add(step, "any", { after: all, when: "ended" });
  const { id } = await flow.start();
  await jobs.drain();
  expect([ran.length, ran.at(-1), ran.includes("needs all")]).toEqual([2_001, "any", false]);
  expect((await jobs.flows.get(id))?.state).toBe("failed");
  expect(await jobs.why(needs.id)).toMatchObject({
    code: "DEPENDENCY_DEAD",
    facts: { because: [{ id: all[1_234]?.id }] },
  });
}, 120_000);

test("a job that is a member of a flow already is not enqueued for another one, which ends", async () => {
  for (const name of ["first", "second"]) {
    const inner = jobs.flow("inner", { id: ["inner"] });
    inner.add(step, "inner");
    const outer = jobs.flow(name);
    outer.addFlow(inner);
    const { id } = await outer.start();
    await jobs.drain();
    expect((await jobs.flows.get(id))?.state).toBe(name === "first" ? "completed" : "failed");
  }
  expect(ran).toEqual(["inner"]);
});
