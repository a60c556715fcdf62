import { setTimeout as pause } from "node:timers/promises";
import { WaybillError } from "@waybill/core";
import type { Lease } from "@waybill/core/backend";
import { serviceUrl } from "@waybill/test-servers";
import { type Channel, type ChannelModel, connect, type Message } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rabbitmqCapabilities } from "../src/capabilities.ts";
import { Consumer, type Delivery } from "../src/connection/consumer.ts";
import type { Outgoing } from "../src/connection/publisher.ts";
import { createWriter } from "../src/enqueue.ts";
import { labelOf } from "../src/message/label.ts";
import { settingsOf } from "../src/options.ts";
import { createSettle } from "../src/settle.ts";
import { admit, message } from "./fixture.ts";

let model: ChannelModel;
beforeAll(async () => {
  model = await connect((await serviceUrl("rabbitmq")).replace(/\?.*$/, ""));
});
afterAll(() => model.close());

/**
 * Leases `count` messages of a queue of the broker. Copies are not published: `store` is called with each, and returns
 * the error of the publish.
 */
async function leaseOf(count: number, queueType: "quorum" | "classic" = "quorum") {
  const settings = settingsOf({ queueType });
  const other = await model.createConfirmChannel();
  const { queue } = await other.assertQueue("", { exclusive: true });
  const sent = Array.from({ length: count }, () => message());
  for (const { id, type, body } of sent) other.sendToQueue(queue, Buffer.from(body), { messageId: id, type });
  await other.waitForConfirms();
  const channel: Channel = await model.createChannel();
  const ignore = (): void => undefined;
  const liveness = { provenUntil: Infinity };
  const consumer = new Consumer(channel, queue, liveness, { delivered: ignore, cancelled: ignore, ended: ignore });
  const copies: Outgoing[] = [];
  const all = { store: async (): Promise<WaybillError | null> => null };
  const publisher = {
    async publish(messages: readonly Outgoing[]) {
      copies.push(...messages);
      return [await all.store()];
    },
    whenIdle: async () => undefined,
  };
  const settle = createSettle(createWriter("t", publisher, rabbitmqCapabilities(settings)), queueType);
  const leases: Lease[] = [];
  for (const _ of sent) {
    const token = await consumer.get();
    if (token === null) throw new Error("nothing was leased");
    leases.push({ ...labelOf(token.message, "q", false, admit), token });
  }
  return Object.assign(all, {
    settle,
    channel,
    consumer,
    liveness,
    copies,
    leases,
    lease: leases[0] as Lease,
    /** Makes the broker close the channel, which this process learns from the broker's next reply. */
    breakChannel: () => channel.ack({ fields: { deliveryTag: 999 } } as Message),
    /**
     * Returns the ids of the messages in the queue, once there are `expected` of them or 5 s have passed. The broker requeues
     * the messages of a channel that ended after it has said so.
     */
    async left(expected: number): Promise<unknown[]> {
      const found: unknown[] = [];
      const until = performance.now() + 5_000;
      for (;;) {
        const one = await other.get(queue, { noAck: true });
        if (one !== false) found.push(one.properties.messageId);
        else if (found.length >= expected || performance.now() > until) return found;
        else await pause(20);
      }
    },
  });
}

const again = { delayMs: 0, countsAttempt: true };
const reason = { code: "TEST", message: "" };
const isLost = { code: "LEASE_LOST" };
const lostResult = { ok: false, error: isLost };

test("of calls that settle a lease at the same time one succeeds, and one copy is stored", async () => {
  const { settle, lease, copies } = await leaseOf(1);
  const calls = [settle.retry(lease, again), settle.deadLetter(lease, reason), settle.retry(lease, again)];
  expect(await settle.ack([lease])).toMatchObject([lostResult]);
  expect(settle.extend([lease])).toMatchObject([lostResult]);
  expect(await Promise.allSettled(calls)).toMatchObject([
    { status: "fulfilled" },
    { status: "rejected", reason: isLost },
    { status: "rejected", reason: isLost },
  ]);
  expect(copies).toHaveLength(1);
});

test("a lease that is given twice in one ack is acked once", async () => {
  const { settle, lease } = await leaseOf(1);
  expect(await settle.ack([lease, lease])).toMatchObject([{ ok: true }, lostResult]);
});

test("an ack of the oldest job and of a newer one removes both, and not the job between them", async () => {
  const { settle, leases, consumer, left } = await leaseOf(3);
  const [first, second, third] = leases as [Lease, Lease, Lease];
  expect(await settle.ack([first, third])).toMatchObject([{ ok: true }, { ok: true }]);
  expect(consumer.unsettled).toBe(1);
  await consumer.close();
  expect(await left(1)).toEqual([second.id]);
});

test("a retry or dead letter whose copy is refused rejects with the reason, and the lease stays valid", async () => {
  const one = await leaseOf(1);
  const { settle, lease, consumer } = one;
  one.store = async () => new WaybillError("BACKEND_FULL", "no room");
  await expect(settle.retry(lease, again)).rejects.toMatchObject({ code: "BACKEND_FULL" });
  await expect(settle.deadLetter(lease, reason)).rejects.toMatchObject({ code: "BACKEND_FULL" });
  expect(consumer.unsettled).toBe(1);
  expect(await settle.ack([lease])).toMatchObject([{ ok: true }]);
  expect(consumer.unsettled).toBe(0);
});

test("after the broker has closed the channel, an ack is LEASE_LOST", async () => {
  const { settle, lease, breakChannel, left } = await leaseOf(1);
  breakChannel();
  expect(await settle.ack([lease])).toMatchObject([lostResult]);
  expect(await left(1)).toEqual([lease.id]);
});

test("an ack counts only by a reply to a request that was sent after it", async () => {
  const { settle, leases, breakChannel, left } = await leaseOf(2);
  const [first, second] = leases as [Lease, Lease];
  const earlier = settle.ack([first]);
  breakChannel();
  // The request of the first ack is on its way, and its reply says nothing of this one.
  expect(await settle.ack([second])).toMatchObject([lostResult]);
  expect(await earlier).toMatchObject([{ ok: true }]);
  expect(await left(1)).toEqual([second.id]);
});

test("after the broker has closed the channel, a retry is LEASE_LOST and stores no copy", async () => {
  const { settle, lease, breakChannel, copies } = await leaseOf(1);
  breakChannel();
  await expect(settle.retry(lease, again)).rejects.toMatchObject(isLost);
  expect(copies).toEqual([]);
});

test("a retry whose channel ends while the copy is stored is LEASE_LOST", async () => {
  const one = await leaseOf(1);
  one.store = async () => {
    await one.consumer.close();
    return null;
  };
  await expect(one.settle.retry(one.lease, again)).rejects.toMatchObject(isLost);
  expect(await one.left(1)).toEqual([one.lease.id]);
});

test("while the connection is unproven for too long, its leases are lost", async () => {
  const { settle, lease, liveness, copies } = await leaseOf(1);
  liveness.provenUntil = performance.now();
  expect(await settle.ack([lease])).toMatchObject([lostResult]);
  expect(settle.extend([lease])).toMatchObject([lostResult]);
  await expect(settle.retry(lease, again)).rejects.toMatchObject(isLost);
  await expect(settle.deadLetter(lease, reason)).rejects.toMatchObject(isLost);
  expect(copies).toEqual([]);
});

test("a copy keeps the count of lost deliveries, and a release changes no count", async () => {
  const { settle, leases, copies } = await leaseOf(2);
  const [first, second] = leases as [Lease, Lease];
  await settle.retry({ ...first, lost: 2 }, again);
  await settle.release({ ...second, lost: 2, releases: 3 });
  const headers = copies.map(({ properties }): unknown => properties.headers);
  expect(headers).toEqual([
    { "waybill-attempt": 2, "waybill-lost": 2 },
    { "waybill-lost": 2, "waybill-releases": 3 },
  ]);
});

test("a release stores a copy on quorum queues, and requeues the message on classic ones", async () => {
  const quorum = await leaseOf(1);
  await quorum.settle.release(quorum.lease);
  expect(quorum.copies).toMatchObject([{ properties: { messageId: quorum.lease.id } }]);
  const classic = await leaseOf(1, "classic");
  await classic.settle.release(classic.lease);
  expect(classic.copies).toEqual([]);
  expect([quorum.consumer.unsettled, classic.consumer.unsettled]).toEqual([0, 0]);
  for (const { settle, lease, consumer } of [quorum, classic]) {
    expect(await settle.ack([lease])).toMatchObject([lostResult]);
    expect(consumer.alive).toBe(true);
  }
  expect([await quorum.left(0), await classic.left(1)]).toEqual([[], [classic.lease.id]]);
});

test("a release whose copy is refused requeues the message", async () => {
  const one = await leaseOf(1);
  one.store = async () => new WaybillError("BACKEND_FULL", "no room");
  await one.settle.release(one.lease);
  expect(await one.left(1)).toEqual([one.lease.id]);
});

test("an ack of a delivered job leaves an older one whose reply to get is seen later", async () => {
  const other = await model.createConfirmChannel();
  const { queue } = await other.assertQueue("", { exclusive: true });
  const sent = [1, 2, 3].map(() => message());
  for (const { id, type, body } of sent) other.sendToQueue(queue, Buffer.from(body), { messageId: id, type });
  await other.waitForConfirms();
  const channel = await model.createChannel();
  const delivered: Delivery[] = [];
  const ignore = (): void => undefined;
  const events = { delivered: (one: Delivery) => void delivered.push(one), cancelled: ignore, ended: ignore };
  const consumer = new Consumer(channel, queue, { provenUntil: Infinity }, events);
  const get = channel.get.bind(channel);
  channel.get = async (...args) => {
    const reply = await get(...args);
    await expect.poll(() => delivered.length).toBe(2);
    return reply;
  };
  const taken = consumer.get();
  await consumer.request(2);
  expect((await taken)?.message.properties.messageId).toBe(sent[0]?.id);
  await consumer.ack([delivered[0] as Delivery]);
  await consumer.close();
  await expect.poll(async () => (await other.checkQueue(queue)).messageCount).toBe(2);
});

test("a lease that ends while its channel is closing harms no process", async () => {
  const one = await leaseOf(1);
  const { consumer, liveness, lease } = one;
  const tries: number[] = [];
  one.channel.nack = () => {
    tries.push(1);
    throw new Error("Channel closing");
  };
  liveness.provenUntil = performance.now() - 2_000;
  const delivery = lease.token as Delivery;
  consumer.renew(delivery);
  await expect.poll(() => tries.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
  expect(delivery.state).toBe("leased");
});
