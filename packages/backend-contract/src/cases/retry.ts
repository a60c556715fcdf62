import assert from "node:assert/strict";
import type { Bench, ContractCase } from "../contract-case.ts";
import { rejectsWith, valueOf } from "../expect.ts";
import { allOf, failuresCounted, retryDelays } from "./applies-to.ts";

const subject = "retry";

const counted = { delayMs: 0, countsAttempt: true };
const uncounted = { delayMs: 0, countsAttempt: false };

const counting: readonly ContractCase[] = [
  {
    subject,
    name: "a retry raises the attempt by one",
    async run({ backend, put, leaseOne }) {
      await put();
      await backend.retry(await leaseOne(), counted);
      assert.equal((await leaseOne()).attempt, 2);
    },
  },
  {
    subject,
    name: "a release leaves the attempt as it was",
    appliesTo: failuresCounted,
    async run({ backend, put, leaseOne }) {
      await put();
      await backend.retry(await leaseOne(), uncounted);
      assert.equal((await leaseOne()).attempt, 1);
    },
  },
  {
    subject,
    name: "releases are counted, and retries are not counted as releases",
    appliesTo: (has) => has.countsReleases || "releases are not counted (countsReleases false)",
    async run({ backend, put, leaseOne }) {
      await put();
      await backend.retry(await leaseOne(), uncounted);
      await backend.retry(await leaseOne(), uncounted);
      assert.equal((await leaseOne()).releases, 2);
      await put({ priority: 0 });
      await backend.retry(await leaseOne(), counted);
      assert.equal((await leaseOne()).releases, 0);
    },
  },
  {
    subject,
    name: "a delay changes nothing of what is counted: a retry raises the attempt, and a release does not",
    appliesTo: allOf(retryDelays, failuresCounted),
    async run({ backend, put, leaseOne, tickMs }) {
      await put();
      await backend.retry(await leaseOne(), counted);
      const retried = await leaseOne();
      await backend.retry(retried, { ...counted, delayMs: 2 * tickMs });
      const again = await leaseOne();
      assert.equal(again.attempt, retried.attempt + 1);
      await backend.retry(again, uncounted);
      const released = await leaseOne();
      await backend.retry(released, { ...uncounted, delayMs: 2 * tickMs });
      const last = await leaseOne();
      assert.equal(last.attempt, released.attempt);
    },
  },
  {
    subject,
    name: "what was counted survives every later hop",
    appliesTo: failuresCounted,
    async run({ backend, put, leaseOne, shortMs }) {
      await put();
      await backend.retry(await leaseOne(), counted);
      const retried = await leaseOne();
      await backend.retry(retried, uncounted);
      // Where leases are timed, one delivery in between is lost.
      if (backend.capabilities.maxLeaseMs !== 0) await leaseOne({ leaseMs: shortMs });
      const found = await leaseOne();
      await backend.retry(found, uncounted);
      const released = await leaseOne();
      await backend.retry(released, counted);
      const last = await leaseOne();
      assert.equal(last.attempt, retried.attempt + 1);
      assert.equal(last.lost, found.lost);
      if (backend.capabilities.countsReleases) assert.equal(last.releases, released.releases);
    },
  },
];

const moving: readonly ContractCase[] = [
  {
    subject,
    name: "label and body survive a retry",
    async run(bench) {
      const { backend, put, leaseOne } = bench;
      const priority = backend.capabilities.priorityLevels > 1 ? 3 : 0;
      const signature = { timestamp: 1_790_000_000, value: "v1,c2lnbmF0dXJl" };
      await put({ type: "mail.album_ready", tenant: "acme", priority, signature, body: ' {"b":1.0,"a":"\u2028"}\n' });
      const before = await leaseOne();
      await backend.retry(before, counted);
      assert.deepEqual(labelOf(await leaseOne()), labelOf(before));
    },
  },
  {
    subject,
    name: "a retried message is there once: what it was moved from does not come again",
    async run({ backend, put, leaseOne, leaseNothing, leaseMs, tickMs }) {
      await put();
      await backend.retry(await leaseOne({ leaseMs }), counted);
      await leaseOne();
      await leaseNothing(leaseMs + 2 * tickMs);
    },
  },
  {
    subject,
    name: "a retried message does not come before its delay has passed",
    appliesTo: retryDelays,
    async run({ backend, put, leaseOne, tickMs }) {
      await put();
      const leased = await leaseOne();
      const before = performance.now();
      await backend.retry(leased, { delayMs: 6 * tickMs, countsAttempt: true });
      await leaseOne();
      const tookMs = performance.now() - before;
      assert.ok(tookMs >= 6 * tickMs - 2, `it came after ${tookMs} of ${6 * tickMs} ms`);
    },
  },
  {
    subject,
    name: "a delay over maxRetryDelayMs is refused, and the lease stays ours",
    appliesTo: (has) => has.maxRetryDelayMs !== Infinity || "any delay is allowed at retry (maxRetryDelayMs)",
    async run({ backend, put, leaseOne }) {
      await put();
      const leased = await leaseOne();
      const delayMs = backend.capabilities.maxRetryDelayMs + 1;
      await rejectsWith("CAPABILITY_MISSING", backend.retry(leased, { delayMs, countsAttempt: true }));
      valueOf((await backend.ack([leased]))[0]);
    },
  },
];

type Delivery = Awaited<ReturnType<Bench["leaseOne"]>>;

/** What a message keeps whatever becomes of it. */
export const labelOf = ({ id, type, queue, tenant, priority, signature, body }: Delivery): Partial<Delivery> => ({
  id,
  type,
  queue,
  tenant,
  priority,
  signature,
  body,
});

export const retryCases: readonly ContractCase[] = [...counting, ...moving];
