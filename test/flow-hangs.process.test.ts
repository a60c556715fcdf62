import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { defineJob } from "@waybill/core";
import type { Backend } from "@waybill/core/backend";
import { serviceUrl } from "@waybill/test-servers";
import { context as backendContext } from "@waybill/test-servers/fixtures";
import { describe, expect, type TestContext, test } from "vitest";
import { openConnection } from "../packages/core/src/connect/connect.ts";
import { factoryFor } from "../packages/core/src/connect/schemes.ts";
import { checkChange } from "../packages/core/src/features/flows/flow-records.ts";

const name = `hangs${crypto.randomUUID().slice(0, 8)}`;
const queue = "frail";
const step = defineJob({ type: "step.frail", queue, handler: () => undefined });

async function folderOf({ onTestFinished }: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-hangs-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a flow of two members, of which one waits for the other. */
async function started(target: string, ledger: string, { onTestFinished }: TestContext) {
  const options = { log: "off", ...(ledger !== "" && { ledger }) } as const;
  const { jobs, sweepFlows, ledger: records } = await openConnection(target, options, false);
  onTestFinished(() => jobs.close());
  const flow = jobs.flow("album");
  const first = flow.add(step, {});
  flow.add(step, {}, { after: first });
  const { id } = await flow.start();
  return {
    jobs,
    first,
    /** Does what a worker does once the check of the flow is due. Returns how the members have ended. */
    async checked(): Promise<unknown> {
      await records?.commit([checkChange(id, 30_000, 0)]);
      await sweepFlows();
      const found = await jobs.flows.get(id);
      return [found?.state, ...(found?.members ?? []).map(({ state, reason }) => reason?.code ?? state)];
    },
    /** Replays the dead letter, and returns how the flow ends then. */
    async replayed(): Promise<string> {
      const ended = new Promise<string>((resolve) => jobs.events.on("flow_ended", ({ state }) => void resolve(state)));
      expect(await jobs.inspector?.replay({ ids: [first.id] })).toBe(1);
      await jobs.worker({ jobs: [step], lease: "1s" }).start();
      return ended;
    },
  };
}

async function leased(backend: Backend) {
  const { signal } = new AbortController();
  return backend.lease({ queue, limit: 10, leaseMs: 60_000, waitMs: 20_000, signal });
}

const stores: Readonly<Record<string, (context: TestContext) => Promise<string>>> = {
  SQLite: async (context) => `sqlite:${join(await folderOf(context), "jobs.db")}`,
  PostgreSQL: async () => `${await serviceUrl("postgres")}?schema=${name}`,
  Redis: async () => `${await serviceUrl("redis")}?prefix=${name}`,
};

describe.concurrent("a flow hangs at no member that leaves its queue without an end", { timeout: 60_000 }, () => {
  test.for(Object.keys(stores))("since another program removes its job, on %s", async (store, context) => {
    const url = (await stores[store]?.(context)) ?? "";
    const { checked } = await started(url, "", context);
    expect(await checked()).toEqual(["running", "enqueued", "waiting"]);
    const other = await (await factoryFor(url, true))(backendContext);
    context.onTestFinished(() => other.close());
    expect(await other.ack(await leased(other))).toMatchObject([{ ok: true }]);
    expect(await checked()).toEqual(["failed", "JOB_LOST", "DEPENDENCY_DEAD"]);
  });

  test("since RabbitMQ dead-letters it at its delivery limit; a replay resumes the flow", async (context) => {
    const url = `${await serviceUrl("rabbitmq")}?prefix=${name}&deliveryLimit=1`;
    const ledger = `sqlite:${join(await folderOf(context), "ledger.db")}`;
    const { jobs, checked, replayed } = await started(url, ledger, context);
    expect(await checked()).toEqual(["running", "enqueued", "waiting"]);
    const flags = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning"];
    const program = join(import.meta.dirname, "children/dies-at-settle.ts");
    for (let kill = 0; kill < 2; kill += 1) {
      const child = spawn(process.execPath, [...flags, program, url, ledger, queue, "leased"], { stdio: "inherit" });
      context.onTestFinished(() => void child.kill("SIGKILL"));
      expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    }
    const letters = async () => (await jobs.inspector?.deadLetters())?.length;
    await context.expect.poll(letters, { timeout: 10_000 }).toBe(1);
    expect(await checked()).toEqual(["failed", "WORKER_LOST", "DEPENDENCY_DEAD"]);
    expect(await replayed()).toBe("completed");
  });

  test("since SQS moves it by its redrive policy; a replay resumes the flow", async (context) => {
    const url = (await serviceUrl("sqs")).replace(/^(sqs:\/\/[^/?]+)\/?/, `$1/${name}`);
    const { endpoint = "" } = Object.fromEntries(new URL(url).searchParams);
    const { checked, replayed } = await started(url, `sqlite:${join(await folderOf(context), "ledger.db")}`, context);
    expect(await checked()).toEqual(["running", "enqueued", "waiting"]);
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const client = new SQSClient({ region: new URL(url).hostname, credentials, endpoint });
    context.onTestFinished(() => client.destroy());
    const urlOf = async (QueueName: string) => (await client.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl;
    const [QueueUrl, deadUrl] = [await urlOf(`${name}-${queue}`), await urlOf(`${name}_dead`)];
    const look = async () => {
      const AttributeNames = ["QueueArn", "ApproximateNumberOfMessages"] as const;
      const ask = new GetQueueAttributesCommand({ QueueUrl: deadUrl, AttributeNames: [...AttributeNames] });
      return (await client.send(ask)).Attributes ?? {};
    };
    const deadLetterTargetArn = (await look())["QueueArn"];
    const allow = (maxReceiveCount: number) => {
      const Attributes = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }) };
      return client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
    };
    await allow(1);
    const receive = async () => {
      await client.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 0 }));
      return (await look())["ApproximateNumberOfMessages"];
    };
    await context.expect.poll(receive, { timeout: 20_000, interval: 200 }).toBe("1");
    expect(await checked()).toEqual(["failed", "WORKER_LOST", "DEPENDENCY_DEAD"]);
    await allow(100);
    expect(await replayed()).toBe("completed");
  });
});
