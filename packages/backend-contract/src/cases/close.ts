import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { rejectsWith, valueOf } from "../expect.ts";
import { shareable } from "./applies-to.ts";

const subject = "close";

export const closeCases: readonly ContractCase[] = [
  {
    subject,
    name: "close may be called again, during the first call and after it",
    async run({ backend }) {
      await Promise.all([backend.close(), backend.close()]);
      await backend.close();
    },
  },
  {
    subject,
    name: "close ends a waiting lease call with nothing, at once",
    async run({ backend, lease, sleep, tickMs, promptMs, eventuallyMs }) {
      const waiting = lease({ waitMs: eventuallyMs });
      await sleep(2 * tickMs);
      const before = performance.now();
      await backend.close();
      assert.deepEqual(await waiting, []);
      assert.ok(performance.now() - before < promptMs, "it went on waiting after close");
    },
  },
  {
    subject,
    name: "every verb rejects BACKEND_CLOSED after close",
    async run({ backend, put, leaseOne, message, lease }) {
      await put();
      const leased = await leaseOne();
      await backend.close();
      await rejectsWith("BACKEND_CLOSED", backend.enqueue([message()]));
      await rejectsWith("BACKEND_CLOSED", lease());
      await rejectsWith("BACKEND_CLOSED", backend.ack([leased]));
      await rejectsWith("BACKEND_CLOSED", backend.extend([leased], 1_000));
      await rejectsWith("BACKEND_CLOSED", backend.retry(leased, { delayMs: 0, countsAttempt: true }));
      await rejectsWith("BACKEND_CLOSED", backend.deadLetter(leased, { code: "TEST", message: "too late" }));
    },
  },
  {
    subject,
    name: "what was enqueued is there after close",
    appliesTo: shareable,
    async run({ backend, put, leaseExactly, second }) {
      await put({}, {});
      await backend.close();
      await leaseExactly(2, { from: await second() });
    },
  },
  {
    subject,
    name: "what was leased when a connection closed is delivered again",
    appliesTo: shareable,
    async run({ backend, put, leaseOne, second, shortMs }) {
      const [sent] = await put();
      await leaseOne({ leaseMs: shortMs });
      await backend.close();
      assert.equal((await leaseOne({ from: await second() })).id, sent?.id);
    },
  },
  {
    subject,
    name: "closing one connection disturbs no other",
    appliesTo: shareable,
    async run({ backend, put, leaseOne, second }) {
      const other = await second();
      await put();
      const leased = await leaseOne({ from: other });
      await backend.close();
      valueOf((await other.ack([leased]))[0]);
    },
  },
];
