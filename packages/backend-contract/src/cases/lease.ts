import assert from "node:assert/strict";
import type { Message } from "@waybill/core/backend";
import type { ContractCase } from "../contract-case.ts";
import { assertAhead, assertBetween } from "../expect.ts";
import { connectionLeases, priorities, shareable, timedLeases } from "./applies-to.ts";

const subject = "lease";

export const leaseCases: readonly ContractCase[] = [
  {
    subject,
    name: "id, type, queue and tenant arrive on the lease",
    async run({ queue, put, leaseOne }) {
      const [sent] = await put({ type: "photo.resize", tenant: "acme/eu west" });
      const { id, type, queue: from, tenant } = await leaseOne();
      assert.deepEqual(
        { id, type, from, tenant },
        { id: sent?.id, type: "photo.resize", from: queue, tenant: "acme/eu west" },
      );
    },
  },
  {
    subject,
    name: "the priority asked for arrives on the lease",
    appliesTo: priorities,
    async run({ put, leaseOne }) {
      await put({ priority: -7 });
      assert.equal((await leaseOne()).priority, -7);
    },
  },
  {
    subject,
    name: "a signature travels beside the body to the letter",
    async run({ put, leaseOne }) {
      const signature = { timestamp: 1_790_000_000, value: "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= v1,b64=" };
      await put({ signature });
      assert.deepEqual((await leaseOne()).signature, signature);
    },
  },
  {
    subject,
    name: "an absent tenant and an absent signature arrive as null",
    async run({ put, leaseOne }) {
      await put();
      const { tenant, signature } = await leaseOne();
      assert.deepEqual({ tenant, signature }, { tenant: null, signature: null });
    },
  },
  {
    subject,
    name: "a first delivery is attempt 1, with nothing lost and nothing released",
    async run({ put, leaseOne }) {
      await put();
      const { attempt, lost, releases } = await leaseOne();
      assert.deepEqual({ attempt, lost, releases }, { attempt: 1, lost: 0, releases: 0 });
    },
  },
  {
    subject,
    name: "a call never returns more than its limit, and leaves the rest for the next",
    async run({ put, leaseExactly, lease, eventuallyMs }) {
      await put({}, {}, {}, {}, {});
      const first = await lease({ limit: 2, waitMs: eventuallyMs });
      assert.ok(first.length >= 1 && first.length <= 2, `asked for 2, got ${first.length}`);
      await leaseExactly(5 - first.length);
    },
  },
  {
    subject,
    name: "a call returns what is there without waiting for its limit to fill",
    async run({ put, lease, eventuallyMs, promptMs }) {
      await put();
      const before = performance.now();
      assert.equal((await lease({ limit: 10, waitMs: eventuallyMs })).length, 1);
      assert.ok(performance.now() - before < promptMs, "it waited for more than it had");
    },
  },
  {
    subject,
    name: "a message is leased to one of 20 concurrent takers",
    async run({ put, leaseExactly, leaseNothing }) {
      await put(...Array.from({ length: 10 }, () => ({})));
      await put(...Array.from({ length: 10 }, () => ({})));
      const came = (await Promise.all(Array.from({ length: 20 }, () => leaseExactly(1)))).flat();
      assert.equal(new Set(came.map((lease) => lease.id)).size, 20);
      await leaseNothing();
    },
  },
  {
    subject,
    name: "a message leased through one connection is not delivered through another",
    appliesTo: shareable,
    async run({ put, leaseExactly, leaseNothing, second }) {
      const from = await second();
      await put({}, {});
      await leaseExactly(2);
      await leaseNothing(undefined, { from });
    },
  },
  {
    subject,
    name: "a queue delivers its own messages only",
    async run({ queue, put, leaseOne, leaseNothing }) {
      const [other] = await put({ queue: `${queue}-other` });
      await leaseNothing();
      assert.equal((await leaseOne({ queue: `${queue}-other` })).id, other?.id);
    },
  },
  {
    subject,
    name: "thirty queues with long and similar names stay thirty queues",
    async run({ queue, put, leaseOne }) {
      const stem = queue.padEnd(58, "x");
      const sent: Message[] = [];
      for (let index = 0; index < 30; index += 1) sent.push(...(await put({ queue: `${stem}.${index}` })));
      for (const message of sent.toReversed()) {
        assert.equal((await leaseOne({ queue: message.queue })).id, message.id);
      }
    },
  },
  {
    subject,
    name: "expiresAt is the lease's length from now, in Unix milliseconds",
    appliesTo: timedLeases,
    async run({ put, leaseOne, promptMs }) {
      await put();
      const before = Date.now();
      const { expiresAt } = await leaseOne({ leaseMs: 40_000 });
      assertBetween(expiresAt, before + 40_000, Date.now() + 40_000, promptMs);
    },
  },
  {
    subject,
    name: "where a lease lasts as long as the connection, expiresAt is null or lies ahead",
    appliesTo: connectionLeases,
    async run({ put, leaseOne }) {
      await put();
      assertAhead((await leaseOne()).expiresAt);
    },
  },
];
