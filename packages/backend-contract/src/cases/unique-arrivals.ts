import assert from "node:assert/strict";
import type { UniqueKey } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import type { Arrival } from "../harness.ts";
import { allOf, arrivals, inspectable, uniqueKeys } from "./applies-to.ts";
import { inspector } from "./dead-letter.ts";
import { kept } from "./inbox.ts";
import { assertTaken, rule, unique } from "./unique-steps.ts";

/** Puts an envelope with a key where programs in other languages put theirs. */
function arriveUnique({ arrive, queue }: Bench, part: Partial<UniqueKey> = {}): Promise<Arrival> {
  const id = crypto.randomUUID();
  return arrive({ id, body: JSON.stringify({ id, queue, ...unique(part) }) });
}

const keptArrivals = allOf(uniqueKeys, arrivals, inspectable);

/** What becomes of an arrival whose key is taken. */
export const uniqueArrivalCases: readonly ContractCase[] = [
  rule(
    "an arrival takes its key",
    async (bench) => {
      const { id } = await arriveUnique(bench, { until: 600_000 });
      await bench.leaseOne();
      await assertTaken(bench, id);
    },
    allOf(uniqueKeys, arrivals),
  ),
  rule(
    "an arrival whose key is taken is kept as DUPLICATE_JOB",
    async (bench) => {
      await bench.put(unique());
      const lease = await bench.leaseOne();
      const { body } = await arriveUnique(bench);
      const [dead] = await kept(bench);
      assert.deepEqual({ body: dead?.body, code: dead?.reason.code }, { body, code: "DUPLICATE_JOB" });
      assert.deepEqual(await bench.backend.ack([lease]), [{ ok: true, value: null }]);
    },
    keptArrivals,
  ),
  rule(
    "an arrival that is to be ignored when its key is taken is not kept, and not delivered",
    async (bench) => {
      await bench.put(unique());
      await bench.leaseOne();
      await arriveUnique(bench, { onConflict: "ignore" });
      await bench.leaseNothing(4 * bench.tickMs);
      assert.deepEqual(await inspector(bench).deadLetters(), []);
    },
    keptArrivals,
  ),
];
