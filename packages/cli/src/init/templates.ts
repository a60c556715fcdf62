import type { BackendChoice } from "./backends.ts";

/** The texts of the files. Each compiles with every strict option, as TypeScript and as JavaScript. */

export const jobsFile = ({ url }: BackendChoice): string => `import { defineJob } from "@waybill/core";
import { z } from "zod";

/** The backend's URL: set WAYBILL_URL in production. */
export const url = process.env["WAYBILL_URL"] ?? "${url}";

/** A job may run more than once: a worker can die after the work and before the ack. */
export const sendReceipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string() }),
  handler: ({ orderId }, job) => console.log(\`receipt for \${orderId}, attempt \${job.attempt}\`),
});

/** Every job of this project. */
export const jobs = [sendReceipt];
`;

export const workerFile = (ext: string): string => `import { connect } from "@waybill/core";
import { jobs, url } from "./jobs.${ext}";

const connection = await connect(url, { jobs });
await connection.worker({ jobs }).run(); // until Ctrl-C or SIGTERM; start it in as many processes as you like
`;

export const enqueueFile = (ext: string): string => `import { connect } from "@waybill/core";
import { jobs, sendReceipt, url } from "./jobs.${ext}";

const connection = await connect(url, { jobs });
await connection.enqueue(sendReceipt, { orderId: process.argv[2] ?? "o_1" });
await connection.close();
`;

export const testFile = ({ name }: BackendChoice, ext: string): string => `import assert from "node:assert/strict";
import { test } from "node:test";
import { testJobs } from "@waybill/core/testing";
import { jobs, sendReceipt } from "./jobs.${ext}";

test("a receipt is sent for an order", async () => {
  const connection = await testJobs({ jobs, like: "${name}" });
  await connection.enqueue(sendReceipt, { orderId: "o_1" });
  assert.deepEqual(connection.enqueued(sendReceipt), [{ orderId: "o_1" }]);
  const runs = await connection.drain();
  assert.deepEqual(
    runs.map(({ type, outcome }) => [type, outcome]),
    [["receipt.send", "completed"]],
  );
  await connection.close();
});
`;

export const tsconfigFile = (dir: string): string => `{
  "compilerOptions": {
    "target": "es2024",
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "exactOptionalPropertyTypes": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true,
    "noEmit": true
  },
  "include": ["${dir}"]
}
`;

export const gitignoreFile = (): string => `node_modules/
waybill.db*
`;

/** One file for Nest: it has no import path that differs between CommonJS and ES modules. */
export const nestModuleFile = ({
  url,
}: BackendChoice): string => `import { Inject, Injectable, Module } from "@nestjs/common";
import { defineJob, type JobContext, type PayloadOf } from "@waybill/core";
import { JobHandler, JobQueue, WaybillModule } from "@waybill/nest";
import { z } from "zod";

export const sendReceipt = defineJob({ type: "receipt.send", payload: z.object({ orderId: z.string() }) });

@Injectable()
export class Receipts {
  @Inject(JobQueue) private readonly jobs!: JobQueue;

  /** Enqueues the job: call it where an order is created. */
  async sendLater(orderId: string): Promise<void> {
    await this.jobs.enqueue(sendReceipt, { orderId });
  }

  /** It may run more than once: a worker can die after the work and before the ack. */
  @JobHandler(sendReceipt)
  send({ orderId }: PayloadOf<typeof sendReceipt>, job: JobContext): void {
    console.log(\`receipt for \${orderId}, attempt \${job.attempt}\`);
  }
}

@Module({
  imports: [
    WaybillModule.forRoot({
      // Set WAYBILL_URL in production.
      url: process.env["WAYBILL_URL"] ?? "${url}",
      // A process with WAYBILL_ROLE=web only enqueues.
      worker: process.env["WAYBILL_ROLE"] === "web" ? undefined : { concurrency: 10 },
    }),
    WaybillModule.forFeature([sendReceipt]),
  ],
  providers: [Receipts],
  exports: [Receipts],
})
export class JobsModule {}
`;

/** The jobs without the web application. */
export const nestWorkerFile = (): string => `import "reflect-metadata";
import { NestFactory } from "@nestjs/core";
import { JobsModule } from "./jobs.module.js";

async function main(): Promise<void> {
  const app = await NestFactory.createApplicationContext(JobsModule);
  app.enableShutdownHooks();
}

void main();
`;

export const nestTestFile = (path: string): string => `import { Test } from "@nestjs/testing";
import { testJobsOf, withTestJobs } from "@waybill/nest/testing";
import { JobsModule, Receipts, sendReceipt } from "${path}";

test("a receipt is sent for an order", async () => {
  const module = await withTestJobs(Test.createTestingModule({ imports: [JobsModule] })).compile();
  await module.init();
  await module.get(Receipts).sendLater("o_1");
  const jobs = testJobsOf(module);
  expect(jobs.enqueued(sendReceipt)).toEqual([{ orderId: "o_1" }]);
  const runs = await jobs.drain();
  expect(runs.map(({ type, outcome }) => [type, outcome])).toEqual([["receipt.send", "completed"]]);
  await module.close();
});
`;
