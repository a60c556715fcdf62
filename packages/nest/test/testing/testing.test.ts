import { Inject, Module } from "@nestjs/common";
import { Test } from "@nestjs/testing";
import { defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { InjectJob, JobHandler, JobQueue, type QueueOf, WaybillModule } from "../../src/index.ts";
import { testJobsOf, withTestJobs } from "../../src/testing/index.ts";
import { oddlyWritten, push, secret } from "../support/pushed.ts";
import { waybill } from "../support/started.ts";

const orderId = z.object({ orderId: z.string() });
const sendReceipt = defineJob({ type: "receipt.send", payload: orderId, timeout: "10s" });
const remind = defineJob({ type: "reminder.send", payload: orderId, timeout: "10s" });

class Mail {
  readonly sent: string[] = [];
}
class Receipts {
  @Inject(Mail) readonly mail!: Mail;
  @InjectJob(remind) readonly reminders!: QueueOf<typeof remind>;

  @JobHandler(sendReceipt)
  async send({ orderId: id }: { orderId: string }): Promise<void> {
    this.mail.sent.push(`receipt ${id}`);
    await this.reminders.enqueue({ orderId: id }, { delay: "7d" });
  }
  @JobHandler(remind)
  remind({ orderId: id }: { orderId: string }): void {
    this.mail.sent.push(`reminder ${id}`);
  }
}
class Checkout {
  @Inject(JobQueue) readonly jobs!: JobQueue;
  async buy(id: string): Promise<void> {
    await this.jobs.enqueue(sendReceipt, { orderId: id });
  }
}

// An application with its production settings, whose server does not exist.
@Module({
  imports: [
    waybill({ url: "redis://127.0.0.1:1", services: { redis: ">=7" }, worker: {}, push: { keys: secret } }),
    WaybillModule.forFeature([sendReceipt, remind]),
  ],
  providers: [Mail, Receipts, Checkout],
})
class AppModule {}

test("a test inspects what was enqueued, runs it on demand, and moves the clock", async () => {
  const module = await withTestJobs(Test.createTestingModule({ imports: [AppModule] })).compile();
  await module.init();
  const jobs = testJobsOf(module);
  await module.get(Checkout).buy("o_1");
  expect(jobs.enqueued(sendReceipt)).toEqual([{ orderId: "o_1" }]);
  expect(module.get(Mail).sent).toEqual([]);
  const ended = await jobs.drain();
  expect(ended.map(({ type, outcome }) => [type, outcome])).toEqual([["receipt.send", "completed"]]);
  expect(jobs.enqueued(remind)).toEqual([{ orderId: "o_1" }]);
  expect(module.get(Mail).sent).toEqual(["receipt o_1"]);
  await jobs.advance("7d");
  expect(module.get(Mail).sent).toEqual(["receipt o_1", "reminder o_1"]);
  await module.close();
  await expect(module.get(Checkout).buy("o_2")).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
});

test("in a test with HTTP, pushed jobs run", async () => {
  const module = await withTestJobs(Test.createTestingModule({ imports: [AppModule] })).compile();
  const app = module.createNestApplication({ logger: false });
  await app.listen(0, "127.0.0.1");
  const response = await push(`${await app.getUrl()}/work`, oddlyWritten("receipt.send", { orderId: "o_3" }));
  expect(response.status).toBe(200);
  expect(app.get(Mail).sent).toEqual(["receipt o_3"]);
  await app.close();
});

test("running jobs before the application starts, or in an application without test jobs, throws an error that says what to do", async () => {
  const module = await withTestJobs(Test.createTestingModule({ imports: [AppModule] })).compile();
  await expect(testJobsOf(module).drain()).rejects.toThrow(/call app\.init\(\) or app\.listen\(\) first/);
  await module.close();
  const real = await Test.createTestingModule({ imports: [waybill({})] }).compile();
  expect(() => testJobsOf(real)).toThrow(/make it with withTestJobs/);
  await real.close();
});

const sendMail = defineJob({ type: "mail.send", args: z.tuple([z.string(), z.number()]), timeout: "10s" });

class Mails {
  readonly sent: unknown[] = [];
  @InjectJob(sendMail) readonly queue!: QueueOf<typeof sendMail>;

  @JobHandler(sendMail)
  send([to, count]: [string, number]): void {
    this.sent.push({ to, count });
  }
}

test("a job of positional arguments takes them as one list, typed", async () => {
  const imports = [waybill({}), WaybillModule.forFeature([sendMail])];
  const module = await withTestJobs(Test.createTestingModule({ imports, providers: [Mails] })).compile();
  const app = await module.init();
  const mails = app.get(Mails);
  await mails.queue.enqueue(["ada@example.com", 2]);
  // @ts-expect-error not in this order
  await expect(mails.queue.enqueue([2, "ada@example.com"])).rejects.toThrow("does not fit its schema");
  expect(testJobsOf(app).enqueued(sendMail)).toEqual([["ada@example.com", 2]]);
  await testJobsOf(app).drain();
  expect(mails.sent).toEqual([{ to: "ada@example.com", count: 2 }]);
  await app.close();
});

test("test jobs that are like the application's backend have its transactions and refuse what it refuses", async () => {
  const imports = [
    waybill({ url: "postgres://127.0.0.1:1/none", require: ["durable"] }),
    WaybillModule.forFeature([sendMail]),
  ];
  const builder = (): ReturnType<typeof Test.createTestingModule> =>
    Test.createTestingModule({ imports, providers: [Mails] });
  const app = await (await withTestJobs(builder(), { like: "postgres" }).compile()).init();
  const jobs = testJobsOf(app);
  const { queue } = app.get(Mails);
  const rolledBack = jobs.transaction(async (tx) => {
    await queue.enqueueIn(tx, ["never@example.com", 1]);
    throw new Error("rolled back");
  });
  await expect(rolledBack).rejects.toThrow("rolled back");
  await jobs.transaction((tx) => queue.enqueueIn(tx, ["ada@example.com", 2]));
  expect(jobs.enqueued(sendMail)).toEqual([["ada@example.com", 2]]);
  await app.close();
  const sqs = await (await withTestJobs(builder(), { like: "sqs" }).compile()).init();
  const refused = sqs.get(Mails).queue.enqueue(["ada@example.com", 2], { priority: 1 });
  await expect(refused).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  await sqs.close();
  // @ts-expect-error no such option
  expect(() => withTestJobs(builder(), { likes: "sqs" })).toThrow('did you mean "like"?');
});

test("test jobs need no url: in a pipeline its environment variable is not set", async () => {
  const none: Record<string, unknown> = { url: undefined };
  @Module({ imports: [waybill(none), WaybillModule.forFeature([sendReceipt])], providers: [Checkout] })
  class WithoutUrl {}
  const module = await withTestJobs(Test.createTestingModule({ imports: [WithoutUrl] })).compile();
  await module.init();
  await module.get(Checkout).buy("o_1");
  expect(testJobsOf(module).enqueued(sendReceipt)).toEqual([{ orderId: "o_1" }]);
  await module.close();
});

test("keys of push that are undefined are refused by the name that the application wrote", async () => {
  @Module({
    imports: [
      waybill({ url: "redis://127.0.0.1:1", push: { keys: undefined } }),
      WaybillModule.forFeature([sendReceipt, remind]),
    ],
    providers: [Mail, Receipts],
  })
  class Unset {}
  const module = await withTestJobs(Test.createTestingModule({ imports: [Unset] })).compile();
  await expect(module.init()).rejects.toThrow(
    /"keys" in `push` of WaybillModule\.forRoot is undefined; .*to tests too/,
  );
  await module.close();
});
