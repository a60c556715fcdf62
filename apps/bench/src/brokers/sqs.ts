import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { startFauxqs } from "@waybill/test-servers";
import { Consumer } from "sqs-consumer";
import type { Broker, Side } from "./broker.ts";

export const sqs: Broker = {
  name: "sqs",
  startServer: () => startFauxqs({ durable: false }),
  facts: [
    "fauxqs in a process of its own, in memory: what is measured is calls and CPU, AWS's network would add to each call",
    "both sides: AWS SDK 3, standard queues, no TLS; SDK single sends: SendMessage, one call a job",
    "sqs-consumer: as its documentation has it, batchSize 10 and handleMessage, one more of them for each 10 of concurrency",
    "sqs-consumer batched: the same with handleMessageBatch, which deletes 10 with one call",
  ],
  rivals: {
    "SDK and sqs-consumer": (url, queue) => openPeer(url, queue, false),
    "SDK and sqs-consumer, batched": (url, queue) => openPeer(url, queue, true),
  },
  targets: {
    enqueue: [{ peer: "SDK and sqs-consumer", factor: 4 }],
    process: [
      { peer: "SDK and sqs-consumer", factor: 2 },
      { peer: "SDK and sqs-consumer, batched", factor: 1 },
    ],
  },
  jobs: { enqueue: 4_000, process: 8_000 },
};

const BATCH = 10;

async function openPeer(url: string, queue: string, batched: boolean): Promise<Side> {
  const client = clientFor(url);
  const { QueueUrl: queueUrl = "" } = await client.send(new CreateQueueCommand({ QueueName: `peer-${queue}` }));

  async function sendTen(payloads: readonly object[]): Promise<void> {
    const Entries = payloads.map((payload, index) => ({ Id: String(index), MessageBody: bodyOf(payload) }));
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`${Failed.length} of ${payloads.length} were not sent`);
  }

  return {
    enqueue: (payload) => client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: bodyOf(payload) })),
    async fill(payloads) {
      for (let from = 0; from < payloads.length; from += BATCH) await sendTen(payloads.slice(from, from + BATCH));
    },
    process: (concurrency, count, ran) => processPeer({ client, queueUrl, batched }, concurrency, count, ran),
    storedJobs: () => countOf(client, queueUrl),
    async close() {
      await client.send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
      client.destroy();
    },
  };
}

/** SQS cannot be looked into by `jobs.inspector`; the queue is named as the package's README says. */
function clientFor(url: string): SQSClient {
  const endpoint = new URL(url).searchParams.get("endpoint") ?? "";
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const httpAgent = { maxSockets: 256, keepAlive: true };
  return new SQSClient({ region: "us-east-1", endpoint, credentials, requestHandler: { httpAgent } });
}

/** Exact on the emulator, whatever the attributes are called. */
async function countOf(client: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  const { ApproximateNumberOfMessages: ready, ApproximateNumberOfMessagesNotVisible: leased } = Attributes;
  return Number(ready) + Number(leased) + Number(Attributes.ApproximateNumberOfMessagesDelayed);
}

const bodyOf = (payload: object): string => JSON.stringify({ type: "bench.noop", args: [payload] });

interface Peer {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly batched: boolean;
}

/** Each of these runs up to 10 at once, so there is one for every 10 of concurrency. Ends once the last is deleted. */
async function processPeer(peer: Peer, concurrency: number, count: number, ran: () => void): Promise<void> {
  const { client, queueUrl, batched } = peer;
  let deleted = 0;
  await new Promise<void>((resolve, reject) => {
    const handle = (body: string | undefined): void => {
      if ((JSON.parse(body ?? "") as { args: unknown[] }).args[0] !== undefined) ran();
    };
    const each = Array.from({ length: Math.ceil(concurrency / BATCH) }, (_, index) => {
      const shared = {
        sqs: client,
        queueUrl,
        batchSize: Math.min(BATCH, concurrency - index * BATCH),
        waitTimeSeconds: 2,
      };
      return batched
        ? Consumer.create({
            ...shared,
            handleMessageBatch: async (messages) => {
              for (const { Body } of messages) handle(Body);
              return messages;
            },
          })
        : Consumer.create({
            ...shared,
            handleMessage: async (message) => {
              handle(message.Body);
              return message;
            },
          });
    });
    for (const one of each) {
      one.on("error", reject);
      // Said once the message is deleted.
      one.on("message_processed", done);
      one.start();
    }
    function done(): void {
      deleted += 1;
      if (deleted < count) return;
      for (const one of each) one.stop({ abort: true });
      resolve();
    }
  });
}
