import { bullmqBackend, type BullmqOptions } from "@waybill/bullmq";
import {
  connect,
  type ConnectOptions,
  type DeadLetterQuery,
  defineJob,
  type EnqueueOptions,
  type JobOptions,
  type ProducerOptions,
  type RetryOptions,
  type ScheduleOptions,
  type ShutdownLimits,
  type StandardSchema,
  type WorkerOptions,
} from "@waybill/core";
import { executeInline, testJobs, type TestJobsOptions } from "@waybill/core/testing";
import * as http from "@waybill/http";
import type { WaybillOptions, WaybillPushOptions, WaybillWorkerOptions } from "@waybill/nest";
import { postgresBackend, type PostgresOptions } from "@waybill/postgres";
import { rabbitmqBackend, type RabbitmqOptions } from "@waybill/rabbitmq";
import { sqliteBackend, type SqliteOptions } from "@waybill/sqlite";
import { sqsBackend, sqsHandler, type SqsOptions } from "@waybill/sqs";
import { expect, expectTypeOf, test } from "vitest";

type OptionalName<Options> = {
  [Name in keyof Options]-?: object extends Pick<Options, Name> ? Name : never;
}[keyof Options];
/** Those that may be left out, each of which must take undefined under `exactOptionalPropertyTypes` too. */
type TakesUndefined<Options> = { [Name in OptionalName<Options>]: undefined } extends Partial<Options> ? true : false;

test("every option that may be left out may be given as undefined, as an environment variable is that is not set", () => {
  expectTypeOf<
    [
      TakesUndefined<ConnectOptions>,
      TakesUndefined<ProducerOptions>,
      TakesUndefined<WorkerOptions>,
      TakesUndefined<ShutdownLimits>,
      TakesUndefined<EnqueueOptions>,
      TakesUndefined<RetryOptions>,
      TakesUndefined<Omit<ScheduleOptions, "payload">>,
      TakesUndefined<JobOptions<StandardSchema>>,
      TakesUndefined<DeadLetterQuery>,
      TakesUndefined<TestJobsOptions>,
      TakesUndefined<http.ReceiverOptions>,
      TakesUndefined<http.RelayOptions>,
      TakesUndefined<http.IngressOptions>,
      TakesUndefined<http.SendOverHttpOptions>,
      TakesUndefined<WaybillOptions>,
      TakesUndefined<WaybillPushOptions>,
      TakesUndefined<WaybillWorkerOptions>,
      TakesUndefined<SqliteOptions>,
      TakesUndefined<PostgresOptions>,
      TakesUndefined<BullmqOptions>,
      TakesUndefined<RabbitmqOptions>,
      TakesUndefined<SqsOptions>,
    ][number]
  >().toEqualTypeOf<true>();
});

const env: string | undefined = process.env["WAYBILL_NOBODY_SETS_THIS"];

test("what stands in a README's environment compiles as it is", () => {
  const uses = () => [
    connect(env, { keys: env, source: env }),
    http.createReceiver({ jobs: [], keys: env }),
    http.cloudTasks({ audience: env, serviceAccounts: undefined }),
    http.qstash({ currentKey: env, nextKey: env, url: env }),
    http.sendOverHttp({ to: env, keys: env }),
    sqliteBackend({ path: env }),
    sqsBackend({ region: env, prefix: env }),
  ];
  expectTypeOf(uses).toBeFunction();
});

const job = defineJob({ type: "a.b", handler: () => {} });
const keys = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const jobs = await connect("memory:", { log: "off" });

type Loose = Readonly<Record<string, unknown>>;
const takers: Readonly<Record<string, readonly [valid: Loose, use: (options: never) => unknown]>> = {
  defineJob: [{ type: "a.b" }, defineJob],
  connect: [{ log: "off" }, async (options) => (await connect("memory:", options)).close()],
  worker: [{ jobs: [job] }, jobs.worker],
  "enqueue for": [{}, (options) => jobs.enqueue(job, 1, options)],
  testJobs: [{ jobs: [job] }, async (options) => (await testJobs(options)).close()],
  executeInline: [{}, (options) => executeInline(job, 1, options)],
  createReceiver: [{ jobs: [job], keys, log: "off" }, http.createReceiver],
  createRelay: [{ to: jobs, keys }, http.createRelay],
  createIngress: [{ to: jobs, keys }, http.createIngress],
  sendOverHttp: [{ to: "http://127.0.0.1/work", keys }, http.sendOverHttp],
  native: [{ keys }, http.native],
  sqsd: [{ keys }, http.sqsd],
  sqliteBackend: [{ path: "none.db" }, sqliteBackend],
  postgresBackend: [{ url: "postgres://127.0.0.1/none" }, postgresBackend],
  bullmqBackend: [{ url: "redis://127.0.0.1" }, bullmqBackend],
  rabbitmqBackend: [{}, rabbitmqBackend],
  sqsBackend: [{ region: "eu-west-1" }, sqsBackend],
  sqsHandler: [{ jobs: [job] }, sqsHandler],
};

async function saidOf(use: (options: never) => unknown, options: Loose): Promise<string> {
  try {
    await use(options as never);
    return "taken";
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

test.each(Object.entries(takers))(
  "%s takes each of its options as undefined, or refuses it by name",
  async (_, [valid, use]) => {
    const known = /known are: (.*)$/.exec(await saidOf(use, { ...valid, zzzzzzzz: 1 }))?.[1]?.split(", ") ?? [];
    expect(known.length).toBeGreaterThan(1);
    for (const name of known) {
      const said = await saidOf(use, { ...valid, [name]: undefined });
      if (said === "taken") continue;
      expect([name, said]).toEqual([
        name,
        expect.stringMatching(new RegExp(`${name}.*undefined|give either|no \`${name}\``)),
      ]);
    }
  },
);
