import { defineJob } from "@waybill/core";
import { testJobs, type TestJobs } from "@waybill/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { memberId } from "../../../src/features/flows/flow-keys.ts";

let jobs: TestJobs;
let ran: unknown[] = [];
const step = defineJob({ type: "step.run", handler: (payload) => void ran.push(payload) });

beforeEach(async () => {
  ran = [];
  jobs = await testJobs({ jobs: [step] });
});
afterEach(() => jobs.close());

const flow = "0c3d8773-9cd0-853e-a150-513c7e24cebb";

const marks: Readonly<Record<string, unknown>> = {
  null: null,
  "a text": "x",
  "a number": 7,
  "a list": [flow, "000000"],
  "an empty object": {},
  "a member of the wrong type": { id: flow, member: 1 },
  "names of a prototype": { id: "__proto__", member: "constructor" },
  "a flow as long as may be": { id: "x".repeat(10_000), member: "000000" },
  "a member as long as may be": { id: flow, member: "0".repeat(10_000) },
  "empty names": { id: "", member: "" },
};

test.each(Object.entries(marks))("a job whose meta.flow is %s is a dead letter without a run", async (_name, mark) => {
  await jobs.enqueue(step, "malformed", { meta: { flow: mark } as never });
  // An id that members have, as far as version and length go.
  const id = memberId("another flow", "000000");
  await jobs.enqueue(step, "malformed", { id, meta: { flow: mark } as never });
  const ended = await jobs.drain();
  expect(ended).toMatchObject(Array.from({ length: 2 }, () => ({ outcome: "dead", reason: { code: "FLOW_INVALID" } })));
  expect([ran, (await jobs.inspector?.deadLetters())?.length]).toEqual([[], 2]);
});

test("a job that takes the place of a member, and has another id, neither runs nor ends that member", async () => {
  const album = jobs.flow("album");
  album.add(step, "last", { after: album.add(step, "first") });
  const { id } = await album.start();
  const [forged, expired] = [memberId("another flow", "000000"), memberId("another flow", "000001")];
  const mark = { meta: { flow: { id, member: "000001" } } as never };
  await jobs.enqueue(step, "forged", { id: forged, ...mark });
  await jobs.enqueue(step, "forged", { id: expired, ...mark, expiresIn: "1s" });
  await jobs.advance("2s");
  expect(await jobs.inspector?.deadLetters()).toMatchObject([{ reason: { code: "FLOW_INVALID" } }, {}]);
  expect(ran).toEqual(["first", "last"]);
  expect(await jobs.flows.get(id)).toMatchObject({ state: "completed", size: 2 });
});

test("a member of a flow that is not known, such as one that is no longer kept, runs as any job", async () => {
  const id = memberId(flow, "000000");
  await jobs.enqueue(step, "alone", { id, meta: { flow: { id: flow, member: "000000" } } as never });
  expect(await jobs.drain()).toMatchObject([{ outcome: "completed" }]);
  expect(ran).toEqual(["alone"]);
});
