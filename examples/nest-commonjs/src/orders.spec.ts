import { Test, type TestingModule } from "@nestjs/testing";
import { testJobsOf, withTestJobs } from "@waybill/nest/testing";
// Without ".js": Jest finds a .ts file only by a name without it.
import { AppModule } from "./app.module";
import { sendReceipt } from "./jobs";
import { Mail } from "./mail";
import { OrdersService } from "./orders.service";

describe("orders", () => {
  let module: TestingModule;
  const mail = { sendReceipt: jest.fn() };

  beforeEach(async () => {
    mail.sendReceipt.mockReset();
    // The application as it is, with jobs in memory and a clock that the test moves.
    const builder = Test.createTestingModule({ imports: [AppModule] }).overrideProvider(Mail);
    module = await withTestJobs(builder.useValue(mail)).compile();
    await module.init();
  });
  afterEach(() => module.close());

  it("sends the receipt of an order", async () => {
    await module.get(OrdersService).place("o_1");
    const jobs = testJobsOf(module);
    expect(jobs.enqueued(sendReceipt)).toEqual([{ orderId: "o_1" }]);
    await jobs.drain();
    expect(mail.sendReceipt).toHaveBeenCalledWith("o_1", expect.any(AbortSignal));
  });

  it("tries again when the mail service is down", async () => {
    mail.sendReceipt.mockRejectedValueOnce(new Error("mail service is down"));
    await module.get(OrdersService).place("o_1");
    const jobs = testJobsOf(module);
    const first = await jobs.drain();
    expect(first.map(({ outcome }) => outcome)).toEqual(["retry"]);
    const later = await jobs.advance("1m");
    expect(later.map(({ outcome }) => outcome)).toEqual(["completed"]);
  });
});
