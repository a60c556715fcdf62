import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { createHandlerRegistry, execute, parseEnvelope } from "../../src/exports/endpoint.ts";
import { defineJob, handlerFor, type JobContext, newId, type Outcome } from "../../src/index.ts";
import { executeInline, runInline, simulateCrashes, testJobs } from "../../src/testing/index.ts";
import { connected, memoryWith } from "../helpers/connected.ts";

const send = defineJob({ type: "mail.send", args: z.tuple([z.string(), z.number().transform((n) => n * 2)]) });

test("the list's types flow from the schema to handler and enqueue", async () => {
  handlerFor(send, ([to, count], job) => {
    expectTypeOf(to).toEqualTypeOf<string>();
    expectTypeOf(count).toEqualTypeOf<number>();
    expectTypeOf(job).toEqualTypeOf<JobContext>();
  });
  const jobs = await connected();
  const wrong = () => [
    // @ts-expect-error too few
    jobs.enqueue(send, ["a"]),
    // @ts-expect-error another type
    jobs.enqueue(send, ["a", "b"]),
    // @ts-expect-error an object is no list
    jobs.enqueue(send, { to: "a" }),
    // @ts-expect-error a schema of one argument is none of the list
    defineJob({ type: "t", args: z.object({ to: z.string() }) }),
    // @ts-expect-error one or the other
    defineJob({ type: "t", payload: z.tuple([z.string()]), args: z.tuple([z.string()]) }),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test("the envelope's args are the list, by definition and by name, one and many, and the handler gets it as the schema has it", async () => {
  const bodies: string[] = [];
  const spied = memoryWith((good) => ({
    enqueue: (messages) => good.enqueue((bodies.push(...messages.map(({ body }) => body)), messages)),
  }));
  const seen: unknown[] = [];
  const jobs = await connected(spied, { jobs: [send] });
  const { promise, resolve } = Promise.withResolvers<void>();
  const handled = handlerFor(send, (payload) => void (seen.push(payload) === 3 && resolve()));
  await jobs.enqueue(send, ["a", 1]);
  await jobs.enqueue("mail.send", ["b", 2]);
  expect(await jobs.enqueueMany([{ job: send, payload: ["c", 3] }])).toMatchObject([{ ok: true }]);
  expect(bodies.map((body) => parseEnvelope(body).args)).toEqual([
    ["a", 1],
    ["b", 2],
    ["c", 3],
  ]);
  await jobs.worker({ jobs: [handled] }).start();
  await promise;
  expect(seen).toEqual([
    ["a", 2],
    ["b", 4],
    ["c", 6],
  ]);
});

test.each<[string, unknown, RegExp]>([
  ["that is no list", { to: "a" }, /args: expected the list of arguments, got an object; write \[payload\]/],
  ["that is too short", ["a"], /does not fit its schema/],
  ["with an argument of another type", ["a", "b"], /1: /],
  ["with a Date in it", ["a", new Date()], /1: a Date would not arrive as one/],
  ["with a hole", ["a", undefined], /1: undefined has no form in JSON/],
])("a payload %s is refused at enqueue, by the place at fault", async (_, payload, message) => {
  const jobs = await connected();
  await expect(jobs.enqueue(send, payload as never)).rejects.toThrow(message);
});

/** How a job ends whose arguments another language wrote, and with what its handler was called. */
async function foreign(args: unknown[], { version }: { version?: number } = {}): Promise<[Outcome["kind"], unknown]> {
  let seen: unknown = null;
  const job = defineJob({
    type: "t",
    version: 2,
    args: z.array(z.union([z.string(), z.number()])).min(2),
    upcasters: { 1: (list) => [...(list as unknown[]), "added"] },
    handler: (payload) => void (seen = payload),
  });
  const meta = { payload_version: version ?? 2 };
  const body = JSON.stringify({ spec: "waybill/1", id: newId(), type: "t", args, meta });
  const counts = { attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null };
  const { kind } = await execute({ body, ...counts, worker: "test" }, createHandlerRegistry([job]));
  return [kind, seen];
}

test("what another language enqueued is judged as one list, also one without an object in it", async () => {
  expect(await foreign(["a", 1, "c"])).toEqual(["completed", ["a", 1, "c"]]);
  expect(await foreign(["a"])).toEqual(["dead", null]);
  expect(await foreign([])).toEqual(["dead", null]);
  expect(await foreign([{ to: "a" }, 1])).toEqual(["dead", null]);
});

test("an upcaster gets the whole list", async () => {
  expect(await foreign(["abc"], { version: 1 })).toEqual(["completed", ["abc", "added"]]);
});

test("tests see lists too: inline, held back and under crashes", async () => {
  const seen: unknown[] = [];
  const job = handlerFor(send, (payload) => void seen.push(payload));
  await runInline(job, ["a", 1]);
  expect((await executeInline(job, ["b", 2])).kind).toBe("completed");
  expect(seen).toEqual([
    ["a", 2],
    ["b", 4],
  ]);
  const jobs = await testJobs({ jobs: [send] });
  await jobs.enqueue(send, ["c", 3]);
  expect(jobs.enqueued(send)).toEqual([["c", 3]]);
  await jobs.close();
  await simulateCrashes({ world: () => ({}), job: () => job, payload: ["d", 4], check: () => {}, cases: 1 });
  expect(seen.at(-1)).toEqual(["d", 8]);
});

test("a list may be as deep as an envelope allows, and no deeper", async () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  const any = defineJob({ type: "t", args: z.array(z.unknown()) });
  const jobs = await connected();
  expect(await jobs.enqueue(any, [deep(30)])).toMatchObject({ stored: true });
  await expect(jobs.enqueue(any, [deep(31)])).rejects.toThrow(/nested deeper than 30/);
});

test("payload and args together are refused where the job is defined", () => {
  const both = { type: "t", payload: z.string(), args: z.tuple([z.string()]) } as never;
  expect(() => defineJob(both)).toThrow(/has both payload and args/);
});
