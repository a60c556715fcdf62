import assert from "node:assert/strict";
import type { Bench, ContractCase } from "../contract-case.ts";
import { codesOf } from "../expect.ts";
import { fifo, priorities } from "./applies-to.ts";

const subject = "priority";

/** Enqueues one message for each number, one call each, and returns the numbers in the order in which they are leased. */
async function orderOf(bench: Bench, given: readonly number[]): Promise<(number | undefined)[]> {
  const priorityOf = new Map<string, number>();
  for (const priority of given) for (const { id } of await bench.put({ priority })) priorityOf.set(id, priority);
  const left: (number | undefined)[] = [];
  while (left.length < given.length) left.push(priorityOf.get((await bench.leaseOne()).id));
  return left;
}

export const priorityCases: readonly ContractCase[] = [
  {
    subject,
    name: "a higher priority leaves before a normal one",
    appliesTo: priorities,
    run: async (bench) => assert.deepEqual(await orderOf(bench, [0, 100, 0]), [100, 0, 0]),
  },
  {
    subject,
    name: "a negative priority leaves after a normal one",
    appliesTo: priorities,
    run: async (bench) => assert.deepEqual(await orderOf(bench, [-100, 0]), [0, -100]),
  },
  {
    subject,
    name: "neighbouring priorities are told apart where all 201 are",
    appliesTo: (has) => has.priorityLevels >= 201 || "fewer than 201 priorities (priorityLevels)",
    run: async (bench) => assert.deepEqual(await orderOf(bench, [98, 99, 1, 2, -2, -1]), [99, 98, 2, 1, -1, -2]),
  },
  {
    subject,
    name: "a retried message keeps its order among the priorities",
    appliesTo: priorities,
    async run(bench) {
      const [urgent] = await bench.put({ priority: 50 });
      const leased = await bench.leaseOne();
      await bench.put({ priority: 0 });
      await bench.backend.retry(leased, { delayMs: 0, countsAttempt: true });
      assert.equal((await bench.leaseOne()).id, urgent?.id);
    },
  },
  {
    subject,
    name: "a priority is refused where there are none, and the message is not stored",
    appliesTo: (has) => has.priorityLevels <= 1 || "it has priorities (priorityLevels)",
    async run({ backend, message, leaseNothing }) {
      assert.deepEqual(codesOf(await backend.enqueue([message({ priority: 1 })])), ["CAPABILITY_MISSING"]);
      await leaseNothing();
    },
  },
  {
    subject,
    name: "messages of one call leave in the order of the list",
    appliesTo: fifo,
    async run({ put, leaseOne }) {
      const sent = await put({}, {}, {}, {}, {});
      for (const { id } of sent) assert.equal((await leaseOne()).id, id);
    },
  },
  {
    subject,
    name: "messages of several calls leave in the order of the calls",
    appliesTo: fifo,
    async run({ put, leaseOne }) {
      const sent = [...(await put()), ...(await put()), ...(await put()), ...(await put())];
      for (const { id } of sent) assert.equal((await leaseOne()).id, id);
    },
  },
];
