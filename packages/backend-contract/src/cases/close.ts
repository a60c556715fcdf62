import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { rejectsWith, valueOf } from "../expect.ts";
import { shareable } from "./claims.ts";

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
    async run({ backend, lease, sleep, tickMs, promptMs, patienceMs }) {
      const waiting = lease({ waitMs: patienceMs });
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
    async run({ backend, put, takeOne, message, lease }) {
      await put();
      const held = await takeOne();
      await backend.close();
      await rejectsWith("BACKEND_CLOSED", backend.enqueue([message()]));
      await rejectsWith("BACKEND_CLOSED", lease());
      await rejectsWith("BACKEND_CLOSED", backend.ack([held]));
      await rejectsWith("BACKEND_CLOSED", backend.extend([held], 1_000));
      await rejectsWith("BACKEND_CLOSED", backend.retry(held, { delayMs: 0, countsAttempt: true }));
      await rejectsWith("BACKEND_CLOSED", backend.deadLetter(held, { code: "TEST", message: "too late" }));
    },
  },
  {
    subject,
    name: "what was enqueued is there after close",
    appliesTo: shareable,
    async run({ backend, put, take, second }) {
      await put({}, {});
      await backend.close();
      await take(2, { from: await second() });
    },
  },
  {
    subject,
    name: "what was leased when a connection closed is delivered again",
    appliesTo: shareable,
    async run({ backend, put, takeOne, second, shortMs }) {
      const [sent] = await put();
      await takeOne({ leaseMs: shortMs });
      await backend.close();
      assert.equal((await takeOne({ from: await second() })).id, sent?.id);
    },
  },
  {
    subject,
    name: "closing one connection disturbs no other",
    appliesTo: shareable,
    async run({ backend, put, takeOne, second }) {
      const other = await second();
      await put();
      const held = await takeOne({ from: other });
      await backend.close();
      valueOf((await other.ack([held]))[0]);
    },
  },
];
