import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { inspectable } from "./applies-to.ts";
import { makeDeadLetter, inspector } from "./dead-letter.ts";

const subject = "inspect";

export const inspectCases: readonly ContractCase[] = [
  {
    subject,
    name: "counts distinguish ready, delayed, leased and dead",
    appliesTo: inspectable,
    async run(bench) {
      const canDelay = bench.backend.capabilities.maxDelayMs > 0;
      await makeDeadLetter(bench);
      await bench.put({}, {});
      await bench.leaseExactly(2);
      await bench.put({}, {}, {});
      if (canDelay) await bench.put(...Array.from({ length: 4 }, () => ({ delayMs: 600_000 })));
      const [counts] = await inspector(bench).counts();
      assert.ok(counts);
      const { queue, ready, delayed, leased, dead } = counts;
      const expected = { queue: bench.queue, ready: 3, delayed: canDelay ? 4 : 0, leased: 2, dead: 1 };
      assert.deepEqual({ queue, ready, delayed, leased, dead }, expected);
    },
  },
  {
    subject,
    name: "oldestWaitMs is how long the oldest ready message has been ready, and null when none is",
    appliesTo: inspectable,
    async run(bench) {
      await bench.put({}, {});
      await bench.leaseExactly(1);
      await bench.sleep(5 * bench.tickMs);
      const [waiting] = await inspector(bench).counts();
      const oldest = waiting?.oldestWaitMs ?? -1;
      assert.ok(oldest >= 5 * bench.tickMs - 2 && oldest < 5 * bench.tickMs + bench.promptMs, `${oldest} ms`);
      await bench.leaseExactly(1);
      const [none] = await inspector(bench).counts();
      assert.equal(none?.oldestWaitMs, null);
    },
  },
  {
    subject,
    name: "counts list every queue that holds anything, by name",
    appliesTo: inspectable,
    async run(bench) {
      const names = ["b", "a", "c"].map((end) => `${bench.queue}-${end}`);
      await bench.put(...names.map((queue) => ({ queue })));
      await bench.backend.ack(await bench.leaseExactly(1, { queue: names[2] as string }));
      const counts = await inspector(bench).counts();
      assert.deepEqual(
        counts
          .filter(({ ready, delayed, leased, dead }) => ready + delayed + leased + dead > 0)
          .map(({ queue }) => queue),
        [names[1], names[0]],
      );
    },
  },
];
