import { Controller, Inject, Injectable, Module, Scope } from "@nestjs/common";
import { REQUEST } from "@nestjs/core";
import { currentJob, defineJob, type JobContext, type JobDefinition } from "@waybill/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { InjectJob, JobHandler, JobQueue, type QueueOf, WaybillModule } from "../../src/index.ts";
import { settled, started } from "../support/started.ts";

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

test("handlers are found on controllers, values, what factories make, other tokens and base classes, each once", async () => {
  const onController = defineJob({ type: "on.controller" });
  const onValue = defineJob({ type: "on.value" });
  const byFactory = defineJob({ type: "by.factory" });
  const byToken = defineJob({ type: "by.token" });
  const inBase = defineJob({ type: "in.base" });
  const jobs = [onController, onValue, byFactory, byToken, inBase];
  const seen: string[] = [];
  const handling = (definition: JobDefinition): new () => object => {
    class Handles {
      @JobHandler(definition)
      run(_: unknown, { type }: JobContext): void {
        seen.push(type);
      }
    }
    return Handles;
  };
  const OnValue = handling(onValue);
  const ByFactory = handling(byFactory);
  class Derived extends handling(inBase) {}
  @Controller()
  class OnController extends handling(onController) {}
  const app = await started(
    { worker: {}, jobs },
    {
      controllers: [OnController],
      providers: [
        { provide: "value", useValue: new OnValue() },
        { provide: "factory", useFactory: async () => new ByFactory() },
        { provide: "token", useClass: handling(byToken) },
        { provide: "alias", useExisting: "token" },
        Derived,
      ],
    },
  );
  const all = settled(app, 5);
  for (const definition of jobs) await app.get(JobQueue).enqueue(definition, {});
  await all;
  expect(seen.toSorted()).toEqual(jobs.map(({ type }) => type).toSorted());
});

test("one method may handle several jobs, and a definition's own handler runs as it is", async () => {
  const seen: string[] = [];
  const inline = defineJob({ type: "inline", handler: (_, { type }) => void seen.push(type) });
  class Mail {
    @JobHandler(sendReceipt)
    @JobHandler(sendInvoice)
    send({ orderId }: { orderId: string }, { type }: JobContext): void {
      seen.push(`${type} ${orderId}`);
    }
  }
  const app = await started({ worker: {}, jobs: [sendReceipt, sendInvoice, inline] }, { providers: [Mail] });
  const all = settled(app, 3);
  await app.get(JobQueue).enqueue(sendReceipt, { orderId: "o_1" });
  await app.get(JobQueue).enqueue(sendInvoice, { orderId: "o_2" });
  await app.get(JobQueue).enqueue(inline, {});
  await all;
  expect(seen.toSorted()).toEqual(["inline", "invoice.send o_2", "receipt.send o_1"]);
});

test("a transient handler is made for each job", async () => {
  const made = new Set<object>();
  @Injectable({ scope: Scope.TRANSIENT })
  class Receipts {
    @JobHandler(sendReceipt)
    send(): void {
      made.add(this);
    }
  }
  const app = await started({ worker: {}, jobs: [sendReceipt] }, { providers: [Receipts] });
  const all = settled(app, 2);
  await app.get(JobQueue).enqueue(sendReceipt, { orderId: "o_1" });
  await app.get(JobQueue).enqueue(sendReceipt, { orderId: "o_2" });
  await all;
  expect(made.size).toBe(2);
});
