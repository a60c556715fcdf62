/** Uses clients of the `client` option while they fail. Prints unexpected errors. */
import { SQSClient } from "@aws-sdk/client-sqs";
import { connect, defineJob, isWaybillError } from "@waybill/core";
import { sqsBackend } from "@waybill/sqs";

const [endpoint = "", prefix = ""] = process.argv.slice(2);
const region = "us-east-1";

interface Strikes {
  /** Stands in for the client's `send` once it is set. */
  now: (() => unknown) | null;
}

const sends =
  (now: () => unknown) =>
  (_: SQSClient, strikes: Strikes): void =>
    void (strikes.now = now);

const MOMENTS: Readonly<Record<string, (client: SQSClient, strikes: Strikes) => unknown>> = {
  "throws at once": sends(() => {
    throw new Error("the owner's mistake");
  }),
  "rejects with nothing": sends(() => Promise.reject(undefined as never)),
  "rejects with text": sends(() => Promise.reject("the owner's mistake" as never)),
  "returns no promise": sends(() => undefined),
  "returns no response": sends(async () => "of the owner's"),
  "returns an empty response": sends(async () => ({})),
  "returns garbage": sends(async () => ({ Messages: [null, 7], Failed: [null], Successful: 7, QueueUrl: 7 })),
  "never settles": sends(() => new Promise(() => undefined)),
  "is destroyed by its owner": (client) => client.destroy(),
};

async function survive([moment, strike]: [string, (typeof MOMENTS)[string]], at: number): Promise<object> {
  const job = defineJob({ type: "count.one", queue: `q${at}`, handler: () => undefined });
  const strikes: Strikes = { now: null };
  const client = new SQSClient({ region, endpoint, credentials: { accessKeyId: "test", secretAccessKey: "test" } });
  const send = client.send.bind(client) as (...args: unknown[]) => unknown;
  Object.assign(client, { send: (...args: unknown[]): unknown => (strikes.now ?? (() => send(...args)))() });
  const backend = sqsBackend({ region, prefix, client, create: true, pollSeconds: 1 });
  const jobs = await connect(backend, { log: "off", enqueueTimeout: 500, closeTimeout: 500 });
  const worker = jobs.worker({ queues: [`q${at}`], jobs: [job], shutdown: { drain: 500, abort: 100, close: 500 } });
  const ran = new Promise((resolve) => jobs.events.on("settled", resolve));
  await worker.start();
  await jobs.enqueue(job, {});
  await ran;
  const calls = Array.from({ length: 5 }, () => jobs.enqueue(job, {}));
  strike(client, strikes);
  calls.push(...Array.from({ length: 5 }, () => jobs.enqueue(job, {})));
  const said = await Promise.allSettled(calls);
  await jobs.close();
  client.destroy();
  const strange = said.flatMap((one) => (one.status === "rejected" && !isWaybillError(one.reason) ? [one.reason] : []));
  return { moment, strange };
}

const survived = await Promise.all(Object.entries(MOMENTS).map(survive));
// The poll that never settles would keep the process alive for seconds more.
process.stdout.write(JSON.stringify(survived), () => process.exit());
