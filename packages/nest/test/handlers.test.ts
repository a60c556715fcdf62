import { Inject, Injectable, Module, Scope } from "@nestjs/common";
import { REQUEST } from "@nestjs/core";
import { currentJob, defineJob, type JobContext } from "@waybill/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { InjectJob, JobHandler, JobQueue, type QueueOf, WaybillModule } from "../src/index.ts";
import { settled, started } from "./started.ts";

const sendReceipt = defineJob({ type: "receipt.send", payload: z.object({ orderId: z.string() }) });
const sendInvoice = defineJob({ type: "invoice.send", payload: z.object({ orderId: z.string() }), queue: "invoices" });

test("a method and a class run the jobs they handle, with what was injected into them", async () => {
  const seen: unknown[] = [];
  @Injectable()
  class Mail {
    send(what: string): void {
      seen.push(what);
    }
  }
  class Receipts {
    @Inject(Mail) readonly mail!: Mail;
    @JobHandler(sendReceipt)
    async send({ orderId }: { orderId: string }, job: JobContext): Promise<void> {
      this.mail.send(`receipt ${orderId} ${job.type} ${currentJob() === job}`);
    }
  }
  @JobHandler(sendInvoice)
  class SendInvoice {
    @Inject(Mail) readonly mail!: Mail;
    handle({ orderId }: { orderId: string }): void {
      this.mail.send(`invoice ${orderId}`);
    }
  }
  const app = await started(
    { worker: {} },
    { imports: [WaybillModule.forFeature([sendReceipt, sendInvoice])], providers: [Mail, Receipts, SendInvoice] },
  );
  const both = settled(app, 2);
  const jobs = app.get(JobQueue);
  await jobs.enqueue(sendReceipt, { orderId: "o_1" });
  await jobs.enqueue(sendInvoice, { orderId: "o_2" });
  await both;
  expect(seen.toSorted()).toEqual(["invoice o_2", "receipt o_1 receipt.send true"]);
});

test("a module enqueues by the queue of one definition, and by all of it", async () => {
  class Checkout {
    readonly receipts: QueueOf<typeof sendReceipt>;
    readonly jobs: JobQueue;
    constructor(@InjectJob(sendReceipt) receipts: QueueOf<typeof sendReceipt>, @Inject(JobQueue) jobs: JobQueue) {
      this.receipts = receipts;
      this.jobs = jobs;
    }
  }
  @Module({ imports: [WaybillModule.forFeature([sendReceipt])], providers: [Checkout] })
  class CheckoutModule {}
  const app = await started({}, { imports: [CheckoutModule] });
  const { receipts, jobs } = app.get(Checkout);
  await receipts.enqueue({ orderId: "o_1" });
  await jobs.enqueue(sendReceipt, { orderId: "o_2" });
  const [counts] = (await jobs.inspector?.counts()) ?? [];
  expect(counts?.ready).toBe(2);
});

test("a request-scoped handler is made for each job, and its REQUEST is the job", async () => {
  const seen: string[] = [];
  @Injectable({ scope: Scope.REQUEST })
  class Tenant {
    @Inject(REQUEST) readonly job!: JobContext;
  }
  class Receipts {
    @Inject(Tenant) readonly tenant!: Tenant;
    @JobHandler(sendReceipt)
    send(_payload: { orderId: string }, job: JobContext): void {
      seen.push(`${this.tenant.job === job}`);
    }
  }
  const app = await started(
    { worker: {} },
    { imports: [WaybillModule.forFeature([sendReceipt])], providers: [Tenant, Receipts] },
  );
  const both = settled(app, 2);
  await app.get(JobQueue).enqueue(sendReceipt, { orderId: "o_1" });
  await app.get(JobQueue).enqueue(sendReceipt, { orderId: "o_2" });
  await both;
  expect(seen).toEqual(["true", "true"]);
});
