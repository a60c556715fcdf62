import { expect, test } from "vitest";
import { z } from "zod";
import { currentJob, DeadLetter, defineJob, EventBus, type Middleware, newId } from "../../src/index.ts";
import { executeInline, runInline } from "../../src/testing/index.ts";

const double = (seen: unknown[]) =>
  defineJob({
    type: "double",
    payload: z.object({ n: z.coerce.number() }),
    handler: ({ n }) => void seen.push([n * 2, currentJob().attempt]),
  });

test("runInline runs the handler by the road every job takes: checked, serialised, parsed, in its own scope", async () => {
  const seen: unknown[] = [];
  await runInline(double(seen), { n: 21 }, { attempt: 3 });
  expect(seen).toEqual([[42, 3]]);
});

test("an inline run has the id it was given, goes through the middleware, and is told to who listens", async () => {
  const seen: unknown[] = [];
  const events = new EventBus();
  for (const name of ["started", "finished"] as const)
    events.on(name, ({ id, worker }) => seen.push([name, id, worker]));
  const middleware: Middleware = async (job, next) => {
    seen.push(["before", job.id]);
    await next();
  };
  const id = newId();
  await runInline(double(seen), { n: 1 }, { id, events, middleware: [middleware] });
  expect(seen).toEqual([
    ["started", id, "inline"],
    ["before", id],
    [2, 1],
    ["finished", id, "inline"],
  ]);
});

test("what would not survive the journey fails in the test", async () => {
  const job = defineJob({ type: "dated", payload: z.object({ when: z.any() }), handler() {} });
  await expect(runInline(job, { when: new Date() })).rejects.toThrow(/when: a Date/);
});

test("runInline throws the handler's own error, executeInline answers the outcome", async () => {
  const boom = new Error("boom");
  const job = defineJob({ type: "boom", handler: () => Promise.reject(boom) });
  await expect(runInline(job, {})).rejects.toBe(boom);
  expect(await executeInline(job, {})).toMatchObject({ kind: "retry", error: boom });
  const gone = defineJob({ type: "gone", handler: () => Promise.reject(new DeadLetter("no such order")) });
  await expect(runInline(gone, {})).rejects.toThrow("no such order");
});
