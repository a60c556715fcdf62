import { setTimeout as sleep } from "node:timers/promises";
import { startRabbit } from "@waybill/test-servers";
import { type Channel, type ChannelModel, connect } from "amqplib";
import type { Broker, Side } from "./broker.ts";

const HEARTBEAT_S = 10;

export const rabbitmq: Broker = {
  name: "rabbitmq",
  startServer: () => startRabbit(),
  facts: [
    "one node; quorum queue with at-least-once dead-lettering on both sides",
    "every message persistent, mandatory and confirmed; raw amqplib acks each by itself, waybill those in a row by one ack",
    "raw amqplib: one confirm channel to publish; prefetch equal to the concurrency, one callback a job",
  ],
  rivals: { "raw amqplib": openRaw },
  targets: {
    enqueue: [{ peer: "raw amqplib", factor: 0.9 }],
    process: [{ peer: "raw amqplib", factor: 0.9 }],
  },
  jobs: { enqueue: 60_000, process: 60_000 },
};

/** amqplib as its own documentation uses it: a callback for each confirm, `consume` with a prefetch, `ack` for each. */
async function openRaw(url: string, queue: string): Promise<Side> {
  const name = `raw.${queue}`;
  const connection = await connect(url, { heartbeat: HEARTBEAT_S, noDelay: true } as object);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(`${name}.dead`, { durable: true, arguments: { "x-queue-type": "quorum" } });
  await channel.assertQueue(name, { durable: true, arguments: argumentsFor(name) });

  const taking: Channel[] = [];
  const enqueue = (payload: object): Promise<void> =>
    new Promise((resolve, reject) => {
      const properties = {
        messageId: crypto.randomUUID(),
        type: "bench.noop",
        contentType: "application/json",
        persistent: true,
        mandatory: true,
      };
      const body = Buffer.from(JSON.stringify({ type: "bench.noop", args: [payload] }));
      channel.publish("", name, body, properties, (error: Error | null) => (error ? reject(error) : resolve()));
    });

  return {
    enqueue,
    fill: (payloads) => Promise.all(payloads.map(enqueue)),
    async process(concurrency, count, ran) {
      taking.push(await processRaw(connection, name, { concurrency, count, ran }));
    },
    async storedJobs() {
      // A closing channel forgets acks it has not passed on yet, and what is not acked is counted only once it is closed.
      await sleep(500);
      await Promise.all(taking.splice(0).map((one) => one.close()));
      await sleep(500);
      return (await channel.checkQueue(name)).messageCount;
    },
    async close() {
      await channel.deleteQueue(name);
      await channel.deleteQueue(`${name}.dead`);
      await connection.close();
    },
  };
}

/** As waybill declares its own: the log that makes dead-lettering safe costs both sides the same. */
const argumentsFor = (name: string) => ({
  "x-queue-type": "quorum",
  "x-delivery-limit": 100,
  "x-dead-letter-exchange": "",
  "x-dead-letter-routing-key": `${name}.dead`,
  "x-dead-letter-strategy": "at-least-once",
  "x-overflow": "reject-publish",
});

interface Run {
  readonly concurrency: number;
  readonly count: number;
  readonly ran: () => void;
}

/** Resolves to its channel once the last ack is sent. */
async function processRaw(connection: ChannelModel, queue: string, run: Run): Promise<Channel> {
  const channel = await connection.createChannel();
  await channel.prefetch(run.concurrency);
  await new Promise<void>((resolve, reject) => consume(channel, queue, run, resolve).catch(reject));
  return channel;
}

async function consume(channel: Channel, queue: string, { count, ran }: Run, done: () => void): Promise<void> {
  let ended = 0;
  const handler = async (given: unknown): Promise<void> => {
    if (given !== undefined) ran();
  };
  await channel.consume(queue, async (message) => {
    if (message === null) throw new Error("the broker cancelled the subscription");
    await handler((JSON.parse(message.content.toString()) as { args: unknown[] }).args[0]);
    channel.ack(message);
    ended += 1;
    if (ended === count) done();
  });
}
