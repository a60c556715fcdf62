import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { defineJob, handlerFor, newSecret } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { createIngress, createRelay } from "@waybill/http";
import { expect, test } from "vitest";
import { InjectJob, JobHandler, JobQueue, type QueueOf, WaybillModule, type WaybillOptions } from "../../src/index.ts";
import { listening, settled, started, startedWith, waybill } from "../support/started.ts";

const one = defineJob({ type: "one" });
const other = defineJob({ type: "other" });

class HandlesOne {
  @JobHandler(one)
  run(): void {}
}
class HandlesOneToo {
  @JobHandler(one)
  runToo(): void {}
}

test("two handlers for one job do not start, and are both named", async () => {
  const app = started({ jobs: [one] }, { providers: [HandlesOne, HandlesOneToo] });
  await expect(app).rejects.toThrow(/job "one" has two handlers, HandlesOne\.run and HandlesOneToo\.runToo; keep one/);
});

test("a handler beside the one in the definition does not start either", async () => {
  const inline = defineJob({ type: "inline", handler: () => {} });
  class Handles {
    @JobHandler(inline)
    run(): void {}
  }
  const app = started({ jobs: [inline] }, { providers: [Handles] });
  await expect(app).rejects.toThrow(/two handlers, its definition and Handles\.run/);
});

test("a handler of a job that no module registers does not start", async () => {
  const app = started({ jobs: [other] }, { providers: [HandlesOne] });
  await expect(app).rejects.toThrow(
    /HandlesOne\.run handles job "one", which no module registers; add it to .*forFeature/,
  );
});

test("a handler of another definition of the same type does not start", async () => {
  const app = started({ jobs: [defineJob({ type: "one", queue: "elsewhere" })] }, { providers: [HandlesOne] });
  await expect(app).rejects.toThrow(/HandlesOne\.run handles a definition of job "one" that is not the registered one/);
});

test("two definitions of one type do not start; one definition in two modules does", async () => {
  const app = started({ jobs: [one] }, { imports: [WaybillModule.forFeature([defineJob({ type: "one" })])] });
  await expect(app).rejects.toThrow(/job type "one" is defined twice/);
  @Module({ imports: [WaybillModule.forFeature([one])] })
  class OneModule {}
  @Module({ imports: [WaybillModule.forFeature([one])] })
  class OtherModule {}
  await started({ jobs: [one] }, { imports: [OneModule, OtherModule] });
});

test("an application borrows a ledger, lists its workers there, and declares its queues", async () => {
  const open = memoryBackend();
  const url = async () => {
    const { workerRegistry: _registry, ledger: _ledger, ...backend } = await open();
    return backend;
  };
  const lender = memoryBackend();
  const options = { url, ledger: lender, queues: ["mailers"], jobs: [one], worker: {} };
  const app = await started(options, { providers: [HandlesOne] });
  const jobs = app.get(JobQueue);
  await expect.poll(() => jobs.workers(), { interval: 10 }).toMatchObject([{ queues: ["default"] }]);
  await expect.poll(() => jobs.queuesWithoutWorker(), { interval: 10 }).toMatchObject([{ queue: "mailers", ready: 0 }]);
});

test("a worker without a handler does not start", async () => {
  await expect(started({ worker: {}, jobs: [one] })).rejects.toThrow(
    /no provider of the application has a @JobHandler/,
  );
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ["of forRoot", { wroker: {} }, /options of WaybillModule\.forRoot have no "wroker"; did you mean "worker"/],
  [
    "of the worker",
    { worker: { concurency: 1 } },
    /options of `worker` have no "concurency"; did you mean "concurrency"/,
  ],
  ["of the push", { push: { key: "x" } }, /options of `push` have no "key"; did you mean "keys"/],
  [
    "of the worker's shutdown",
    { worker: { shutdown: { drian: "5s" } } },
    /options of `worker\.shutdown` have no "drian"; did you mean "drain"/,
  ],
  [
    "of the push's shutdown",
    { push: { shutdown: { close: "5s" } } },
    /options of `push\.shutdown` have no "close"; known are: drain, abort/,
  ],
])("an unknown option %s does not start", async (_, options, message) => {
  await expect(started(options as Partial<WaybillOptions>)).rejects.toThrow(message);
});

test("a time of the push's shutdown that is none does not start: the shutdown is too late to say so", async () => {
  const options = { push: { keys: newSecret(), shutdown: { drain: "20 s" } } };
  const app = listening(options as unknown as Partial<WaybillOptions>, { providers: [HandlesOne] });
  await expect(app).rejects.toThrow(/push\.shutdown\.drain is "20 s"; write/);
});

test("two endpoints at one path do not start: the second would never be asked", async () => {
  const options: Partial<WaybillOptions> = {
    push: { keys: newSecret() },
    endpoints: (jobs) => [createIngress({ to: jobs, keys: newSecret() }), createRelay({ to: jobs, keys: newSecret() })],
  };
  const app = listening(options, { imports: [WaybillModule.forFeature([one])], providers: [HandlesOne] });
  await expect(app).rejects.toThrow('two endpoints are at "/work"; give one of them another `path`');
});

test("no url, and no options at all, say what is missing", async () => {
  const none: Record<string, unknown> = { url: undefined };
  await expect(started(none as Partial<WaybillOptions>)).rejects.toThrow(
    /`url` of WaybillModule\.forRoot is undefined; is its environment variable set/,
  );
});

test("forRoot twice does not start, and the error says what to do with a second backend", async () => {
  await expect(started({}, { imports: [waybill({})] })).rejects.toThrow(
    /imported more than once.*process of their own/,
  );
});

test("forFeature without forRoot does not start, and says what is missing", async () => {
  @Module({ imports: [WaybillModule.forFeature([one])] })
  class AppModule {}
  const app = NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  await expect(app).rejects.toThrow(/forFeature needs WaybillModule\.forRoot\(\{ url \}\) in the root module/);
});

test("a queue whose job the module does not register is named by Nest", async () => {
  class Checkout {
    @InjectJob(one) readonly queue!: QueueOf<typeof one>;
  }
  await expect(started({ jobs: [one] }, { providers: [Checkout] })).rejects.toThrow(/queue of job one/);
});

test("a decorator without its definition, or on a static method, says so where it stands", () => {
  const missing = {} as { readonly later: typeof one };
  expect(() => {
    class Handles {
      @JobHandler(missing.later)
      run(): void {}
    }
    return Handles;
  }).toThrow(/@JobHandler on Handles\.run got no definition: .*import each other in a circle/);
  expect(() => {
    class Handles {
      @JobHandler(one)
      static run(): void {}
    }
    return Handles;
  }).toThrow(/@JobHandler is on the static method Handles\.run/);
});

test("forRootAsync takes its options from what it injects", async () => {
  class Settings {
    readonly concurrency = 3;
  }
  @Module({ providers: [Settings], exports: [Settings] })
  class SettingsModule {}
  let concurrency: number | undefined;
  const done = handlerFor(one, () => {});
  const root = WaybillModule.forRootAsync({
    imports: [SettingsModule],
    inject: [Settings],
    useFactory: async (settings: Settings) => ({
      url: "memory:",
      jobs: [done],
      worker: { concurrency: settings.concurrency },
      log: (line) => void (line.event === "booted" && (concurrency = Number(line["concurrency"]))),
    }),
  });
  const app = await startedWith(root);
  const all = settled(app, 1);
  await app.get(JobQueue).enqueue(done, {});
  await all;
  expect(concurrency).toBe(3);
});
