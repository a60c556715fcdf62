import { Test } from "@nestjs/testing";
import { testJobsOf, withTestJobs } from "@waybill/nest/testing";
import { expect, test } from "vitest";
import { AppModule } from "./app.module.js";
import { sendReceipt } from "./jobs.js";
import { OrdersService } from "./orders.service.js";

test("an order sends its receipt", async () => {
  // The application as it is, with jobs in memory and a clock that the test moves.
  const module = await withTestJobs(Test.createTestingModule({ imports: [AppModule] })).compile();
  await module.init();
  await module.get(OrdersService).place("o_1");
  const jobs = testJobsOf(module);
  expect(jobs.enqueued(sendReceipt)).toEqual([{ orderId: "o_1" }]);
  const ended = await jobs.drain();
  expect(ended.map(({ outcome }) => outcome)).toEqual(["completed"]);
  await module.close();
});
