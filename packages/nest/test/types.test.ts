import { defineJob, type JobContext, type Jobs, type PayloadOf } from "@waybill/core";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import { JobHandler, JobQueue, type QueueOf, WaybillModule } from "../src/index.ts";
import { testJobsOf, withTestJobs } from "../src/testing/index.ts";

const receipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string(), at: z.iso.datetime().transform((text) => new Date(text)) }),
});

test("a handler takes the payload its job has, or less of it", () => {
  expectTypeOf<PayloadOf<typeof receipt>>().toEqualTypeOf<{ orderId: string; at: Date }>();
  class Handlers {
    @JobHandler(receipt)
    async all(payload: PayloadOf<typeof receipt>, job: JobContext): Promise<void> {
      void [payload, job];
    }
    @JobHandler(receipt)
    some({ orderId }: { orderId: string }): void {
      void orderId;
    }
    @JobHandler(receipt)
    none(): void {}
  }
  @JobHandler(receipt)
  class Whole {
    handle(payload: PayloadOf<typeof receipt>): void {
      void payload;
    }
  }
  expectTypeOf([Handlers, Whole]).toBeArray();
});

test("a handler of another payload, with another result or in no method does not compile", () => {
  class Handlers {
    // @ts-expect-error the input's type, not the output's
    @JobHandler(receipt)
    input(payload: { orderId: string; at: string }): void {
      void payload;
    }
    // @ts-expect-error a field the job does not have
    @JobHandler(receipt)
    more(payload: { orderId: string; total: number }): void {
      void payload;
    }
    // @ts-expect-error a handler returns nothing
    @JobHandler(receipt)
    async value(): Promise<string> {
      return "done";
    }
    // @ts-expect-error not a method
    @JobHandler(receipt)
    field = 1;
  }
  const classes = (): unknown[] => {
    // @ts-expect-error another payload
    @JobHandler(receipt)
    class Wrong {
      handle(payload: { orderId: number }): void {
        void payload;
      }
    }
    // @ts-expect-error no method `handle`
    @JobHandler(receipt)
    class Without {
      run(): void {}
    }
    return [Wrong, Without];
  };
  expectTypeOf([Handlers, classes]).toBeArray();
});

test("the queue of one job takes its input and nothing else", () => {
  const queue = {} as QueueOf<typeof receipt>;
  const calls = () => [
    queue.enqueue({ orderId: "o", at: "2026-11-23T00:00:00Z" }, { delay: "10m" }),
    // @ts-expect-error the output's type, not the input's
    queue.enqueue({ orderId: "o", at: new Date() }),
    // @ts-expect-error a field is missing
    queue.enqueue({ orderId: "o" }),
    // @ts-expect-error it needs a payload
    queue.enqueue(),
    // @ts-expect-error in a transaction as well
    queue.enqueueIn({}),
  ];
  const sweep = defineJob({ type: "sweep", payload: z.object({ limit: z.number() }).optional() });
  const sweeps = {} as QueueOf<typeof sweep>;
  const left = (jobs: JobQueue) => [
    sweeps.enqueue(),
    sweeps.enqueueIn({}),
    sweeps.enqueue(undefined, { delay: "1m" }),
    jobs.enqueue(sweep),
    // @ts-expect-error another payload than its own
    sweeps.enqueue({ limit: "1" }),
  ];
  expectTypeOf([calls, left]).toBeArray();
});

test("a module with a misspelt option, or one of another type, does not compile", () => {
  const wrong = () => [
    // @ts-expect-error where the jobs are
    WaybillModule.forRoot({ jobs: [receipt] }),
    // @ts-expect-error a URL is text
    WaybillModule.forRoot({ url: new URL("sqlite:./waybill.db") }),
    // @ts-expect-error no such option
    WaybillModule.forRoot({ url: "memory:", workers: {} }),
    // @ts-expect-error the worker's jobs are found
    WaybillModule.forRoot({ url: "memory:", worker: { jobs: [receipt] } }),
    // @ts-expect-error a duration in words
    WaybillModule.forRoot({ url: "memory:", worker: { lease: "a minute" } }),
    // @ts-expect-error no such kind of enhancer
    WaybillModule.forRoot({ url: "memory:", enhancers: ["middleware"] }),
    // @ts-expect-error push needs keys
    WaybillModule.forRoot({ url: "memory:", push: { key: "whsec_" } }),
    // @ts-expect-error an option of forRoot, as it is made
    WaybillModule.forRootAsync({ useFactory: () => ({ url: 6379 }) }),
    // @ts-expect-error a job is a definition, not its name
    WaybillModule.forFeature(["receipt.send"]),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test("the producer of an application and of its tests knows its jobs' payloads", () => {
  const calls = (queue: JobQueue) => [
    // @ts-expect-error a field is missing
    queue.enqueue(receipt, { orderId: "o" }),
    // @ts-expect-error a field is missing in one item
    queue.enqueueMany([{ job: receipt, payload: { orderId: "o" } }]),
    expectTypeOf(testJobsOf({ get: () => null }).enqueued(receipt)).toEqualTypeOf<{ orderId: string; at: string }[]>(),
    // @ts-expect-error no builder of a testing module
    withTestJobs({}),
  ];
  expectTypeOf(calls).toBeFunction();
});

test("the injected queue has every call of a connection but those that the module makes itself", () => {
  expectTypeOf<Exclude<keyof Jobs, keyof JobQueue>>().toEqualTypeOf<"worker" | "close">();
  expectTypeOf<JobQueue["list"]>().toEqualTypeOf<Jobs["list"]>();
  expectTypeOf<JobQueue["cancel"]>().toEqualTypeOf<Jobs["cancel"]>();
});
