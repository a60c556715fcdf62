import { Module } from "@nestjs/common";
import { Test } from "@nestjs/testing";
import { defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { JobHandler, JobQueue, Scheduled, WaybillModule } from "../../src/index.ts";
import { testJobsOf, withTestJobs } from "../../src/testing/index.ts";
import { started, waybill } from "../support/started.ts";

const report = defineJob({ type: "report.build", payload: z.object({ shop: z.number() }) });
const ran: unknown[] = [];

class Reports {
  @Scheduled({ name: "often", every: "1s", payload: { shop: 7 } })
  @Scheduled({ name: "nightly", cron: "0 3 * * *", timeZone: "Europe/Vienna", payload: { shop: 8 } })
  @JobHandler(report)
  build(payload: { shop: number }): void {
    ran.push(payload);
  }
}
const feature = { imports: [WaybillModule.forFeature([report])] };

test("a @Scheduled method runs its job by the clock, declared by the application's worker", async () => {
  ran.splice(0);
  const app = await started({ worker: {} }, { ...feature, providers: [Reports] });
  await expect.poll(() => ran, { timeout: 15_000 }).toContainEqual({ shop: 7 });
  const names = (await app.get(JobQueue).schedules.list()).map(({ name, from }) => [name, from]);
  expect(names).toEqual([
    ["nightly", "code"],
    ["often", "code"],
  ]);
});

test("a process without a worker declares no schedule", async () => {
  const app = await started({}, { ...feature, providers: [Reports] });
  expect(await app.get(JobQueue).schedules.list()).toEqual([]);
});

test.each([
  ["", { worker: {} }],
  [", also where the options have no worker", {}],
])("test jobs run the schedules of the application by their own clock%s", async (_, options) => {
  @Module({ imports: [waybill(options), ...feature.imports], providers: [Reports] })
  class AppModule {}
  const app = await withTestJobs(Test.createTestingModule({ imports: [AppModule] })).compile();
  await app.init();
  await testJobsOf(app).advance("3s");
  expect(testJobsOf(app).enqueued(report)).toEqual([{ shop: 7 }, { shop: 7 }, { shop: 7 }]);
  await app.close();
});

test("a schedule that cannot work is refused, where it is decorated or when the application starts", async () => {
  const decorate = (options: object) => () => Scheduled(options as never)({}, "build", {});
  expect(decorate({ name: "s", every: "10ms" })).toThrow(/every of schedule "s" is 10 ms/);
  expect(decorate({ name: "s", evry: "1s" })).toThrow(/did you mean "every"\?/);
  class Bare {
    @Scheduled({ name: "s", every: "1s" })
    build(): void {}
  }
  await expect(started({ worker: {} }, { ...feature, providers: [Reports, Bare] })).rejects.toThrow(
    "@Scheduled is on Bare.build, which handles no job; add @JobHandler to it",
  );
  class Unfit {
    @Scheduled({ name: "s", every: "1s", payload: { shop: "7" } })
    @JobHandler(report)
    build(): void {}
  }
  await expect(started({ worker: {} }, { ...feature, providers: [Unfit] })).rejects.toThrow(
    /payload of "report.build" in schedule "s" does not fit: shop: /,
  );
});
