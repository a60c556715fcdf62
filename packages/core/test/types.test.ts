import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import { connect, defineJob, handlerFor, type JobContext } from "../src/index.ts";
import { runInline } from "../src/testing/index.ts";

const receipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string(), at: z.iso.datetime().transform((text) => new Date(text)) }),
});

test("the payload's type flows from the schema to handler and enqueue, input and output apart", () => {
  handlerFor(receipt, (payload, job) => {
    expectTypeOf(payload).toEqualTypeOf<{ orderId: string; at: Date }>();
    expectTypeOf(job).toEqualTypeOf<JobContext>();
  });
  const jobs = {} as Awaited<ReturnType<typeof connect>>;
  const calls = () => [
    jobs.enqueue(receipt, { orderId: "o", at: "2026-11-23T00:00:00Z" }),
    // @ts-expect-error a field is missing
    jobs.enqueue(receipt, { orderId: "o" }),
    // @ts-expect-error a field of the wrong type
    jobs.enqueue(receipt, { orderId: 1, at: "2026-11-23T00:00:00Z" }),
    // @ts-expect-error an unknown option
    jobs.enqueue(receipt, { orderId: "o", at: "x" }, { delays: "10m" }),
    // @ts-expect-error a duration without its unit
    jobs.enqueue(receipt, { orderId: "o", at: "x" }, { delay: "10" }),
    // @ts-expect-error the same, inline
    runInline(receipt, { orderId: 1 }),
  ];
  expectTypeOf(calls).toBeFunction();
});

test("a handler that returns a value, or an unknown option of a job, does not compile", () => {
  const wrong = () => [
    // @ts-expect-error a handler returns nothing
    defineJob({ type: "a", handler: () => 42 }),
    // @ts-expect-error a handler returns nothing, later either
    defineJob({ type: "a", handler: async () => "done" }),
    // @ts-expect-error no such option
    defineJob({ type: "a", retries: 3 }),
    // @ts-expect-error a duration in words
    defineJob({ type: "a", timeout: "a while" }),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test("definitions of different payloads fit one list", async () => {
  const other = defineJob({ type: "other", payload: z.object({ n: z.number() }), handler: ({ n }) => void n });
  const jobs = {} as Awaited<ReturnType<typeof connect>>;
  const make = () => jobs.worker({ jobs: [handlerFor(receipt, () => {}), other] });
  expectTypeOf(make).toBeFunction();
});
