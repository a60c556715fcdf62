import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import { defineJob, type JobDefinition, type JobOptions, type Jobs, type StandardSchema } from "../../src/index.ts";
import { runInline, type TestJobs } from "../../src/testing/index.ts";

class Money {
  readonly cents = 1;
  add(other: Money): Money {
    return other;
  }
}

interface Order {
  readonly id: string & { readonly brand: "OrderId" };
  readonly note?: string;
  readonly lines: readonly { readonly sku: string; readonly amount: number | null }[];
}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}

const total = z.object({ total: z.bigint() });
const schemaOf = <Input>(): StandardSchema<Input, Input> => z.custom<Input>();

test("what JSON has no form for is refused where the job is defined, in a member of a member too", () => {
  const refused = () => [
    // @ts-expect-error at is a Date
    defineJob({ type: "a", payload: z.object({ at: z.date() }) }),
    // @ts-expect-error the payload is a Date
    defineJob({ type: "a", payload: z.date() }),
    // @ts-expect-error at is a Date, where it is given
    defineJob({ type: "a", payload: z.object({ at: z.date().optional() }) }),
    // @ts-expect-error order.lines[].total is a bigint
    defineJob({ type: "a", payload: z.object({ order: z.object({ lines: z.array(total) }) }) }),
    // @ts-expect-error one of the two is a Date
    defineJob({ type: "a", payload: z.union([z.object({ n: z.number() }), z.object({ at: z.date() })]) }),
    // @ts-expect-error labels.* is a Date
    defineJob({ type: "a", payload: z.record(z.string(), z.date()) }),
    // @ts-expect-error a Map
    defineJob({ type: "a", payload: z.object({ sizes: z.map(z.string(), z.number()) }) }),
    // @ts-expect-error a Set
    defineJob({ type: "a", payload: z.object({ tags: z.set(z.string()) }) }),
    // @ts-expect-error a symbol
    defineJob({ type: "a", payload: z.object({ key: z.symbol() }) }),
    // @ts-expect-error a class instance
    defineJob({ type: "a", payload: z.object({ price: z.instanceof(Money) }) }),
    // @ts-expect-error a class
    defineJob({ type: "a", payload: schemaOf<{ make: typeof Money }>() }),
    // @ts-expect-error a URL
    defineJob({ type: "a", payload: z.object({ link: z.instanceof(URL) }) }),
    // @ts-expect-error bytes
    defineJob({ type: "a", payload: z.object({ file: z.instanceof(Uint8Array) }) }),
    // @ts-expect-error a function
    defineJob({ type: "a", payload: schemaOf<{ done: () => void }>() }),
    // @ts-expect-error a function, where it is given
    defineJob({ type: "a", payload: schemaOf<{ done?: () => void }>() }),
    // @ts-expect-error one of a list of arguments
    defineJob({ type: "a", args: z.tuple([z.string(), z.date()]) }),
    // @ts-expect-error without a schema as well
    defineJob<{ at: Date }>({ type: "a" }),
  ];
  expectTypeOf(refused).toBeFunction();
});

test("what may well be JSON is taken: what is unknown, optional, branded, recursive, or made of text by its schema", () => {
  const taken = () => [
    defineJob({ type: "a", payload: z.unknown() }),
    defineJob({ type: "a", payload: z.any() }),
    defineJob({ type: "a", payload: z.record(z.string(), z.unknown()) }),
    defineJob({ type: "a", payload: z.object({ any: z.any(), unknown: z.unknown(), loose: z.looseObject({}) }) }),
    defineJob({ type: "a", payload: z.json() }),
    defineJob({ type: "a", payload: z.string().brand("OrderId") }),
    defineJob({ type: "a", payload: z.object({ id: z.string() }).brand("Order") }),
    defineJob({ type: "a", payload: z.coerce.date() }),
    defineJob({ type: "a", payload: z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }) }),
    defineJob({
      type: "a",
      payload: z.codec(z.iso.datetime(), z.date(), { decode: (text) => new Date(text), encode: String }),
    }),
    defineJob({ type: "a", payload: z.enum(["small", "large"]).nullable() }),
    defineJob({ type: "a", payload: z.void() }),
    defineJob({ type: "a", payload: z.never() }),
    defineJob({ type: "a", payload: schemaOf<Order>() }),
    defineJob({ type: "a", payload: schemaOf<Json>() }),
    defineJob({ type: "a", payload: schemaOf<Tree>() }),
    defineJob({ type: "a", payload: schemaOf<object>() }),
    defineJob({ type: "a", payload: schemaOf<Record<string, unknown>>() }),
    defineJob({ type: "a", args: z.tuple([z.string()], z.number()) }),
    defineJob<Order>({ type: "a" }),
    defineJob<Json>({ type: "a" }),
    defineJob<Tree | null>({ type: "a" }),
    defineJob<unknown>({ type: "a" }),
  ];
  const helpers = [
    <Schema>(options: JobOptions<Schema>) => defineJob(options),
    <Schema>(options: JobOptions<Schema>) => defineJob<Schema>({ ...options, queue: "mail" }),
  ];
  expectTypeOf([taken, helpers]).toBeArray();
});

test("a payload may be left out where its schema takes undefined, and nowhere else", () => {
  const sweep = defineJob({ type: "sweep", payload: z.object({ limit: z.number() }).optional() });
  const warm = defineJob({ type: "warm", payload: z.undefined() });
  const page = defineJob({ type: "page", payload: z.number().default(1) });
  const ship = defineJob({ type: "ship", payload: z.object({ order: z.string() }) });
  const loose = defineJob({ type: "loose" });
  const left = (jobs: Jobs) => [
    jobs.enqueue(sweep),
    jobs.enqueue(warm),
    jobs.enqueue(page),
    jobs.enqueue(sweep, undefined, { delay: "1m" }),
    jobs.enqueue(sweep, { limit: 1 }),
    jobs.enqueueIn({}, sweep),
    jobs.enqueueMany([{ job: sweep }, { job: ship, payload: { order: "o" } }, { job: warm, options: { delay: "1m" } }]),
    jobs.enqueueMany(new Set([{ job: sweep }]), () => {}),
    runInline(sweep),
    // @ts-expect-error it needs one
    jobs.enqueue(ship),
    // @ts-expect-error it needs one
    jobs.enqueue(ship, undefined, { delay: "1m" }),
    // @ts-expect-error of a payload nothing is known but that it is JSON
    jobs.enqueue(loose),
    // @ts-expect-error of a job by its name as well
    jobs.enqueue("elsewhere.known"),
    // @ts-expect-error it needs one
    jobs.enqueueIn({}, ship),
    // @ts-expect-error one of the items needs one
    jobs.enqueueMany([{ job: sweep }, { job: ship }]),
    // @ts-expect-error of a stream as well
    jobs.enqueueMany(new Set([{ job: ship }]), () => {}),
    // @ts-expect-error it needs one
    runInline(ship),
    // @ts-expect-error another payload than its own
    jobs.enqueue(sweep, { limit: "1" }),
  ];
  const generic = <Input>(jobs: TestJobs, job: JobDefinition<Input>, payload: Input) => [
    jobs.enqueue(job, payload, { delay: "1m" }),
    jobs.enqueueIn({}, job, payload),
    jobs.enqueueMany([{ job, payload }]),
    runInline(job, payload),
  ];
  expectTypeOf([left, generic]).toBeArray();
});

test("a definition without a schema has the payload that its type says", () => {
  const ship = defineJob<Order>({ type: "ship", handler: (order) => void expectTypeOf(order).toEqualTypeOf<Order>() });
  expectTypeOf(ship).toEqualTypeOf<JobDefinition<Order, Order, void>>();
  const calls = (jobs: Jobs, order: Order) => [
    jobs.enqueue(ship, order),
    // @ts-expect-error a field is missing
    jobs.enqueue(ship, { lines: [] }),
    // @ts-expect-error its schema, or its type
    defineJob<Order>({ type: "a", payload: z.number() }),
    // @ts-expect-error left out is by a schema alone
    defineJob<void>({ type: "a" }),
    // @ts-expect-error left out is by a schema alone
    defineJob<Order | undefined>({ type: "a" }),
  ];
  expectTypeOf(calls).toBeFunction();
});

test("errors that are not retried are named by class where the job is defined, and by text alone in a call", () => {
  class CardDeclined extends Error {}
  const job = defineJob({ type: "a", retry: { nonRetryable: [CardDeclined, "CARD_*", "CARD.*"] } });
  const calls = (jobs: Jobs) => [
    jobs.enqueue(job, 1, { retry: { nonRetryable: ["CARD.*"] } }),
    // @ts-expect-error a class does not travel
    jobs.enqueue(job, 1, { retry: { nonRetryable: [CardDeclined] } }),
    // @ts-expect-error a class of errors makes errors
    defineJob({ type: "a", retry: { nonRetryable: [Date] } }),
  ];
  expectTypeOf(calls).toBeFunction();
});
