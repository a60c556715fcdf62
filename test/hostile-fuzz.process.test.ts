import { expect, test } from "vitest";
import { freshFolder, targets } from "../apps/faults/src/backends.ts";
import { tryHostile } from "../apps/faults/test/hostile/trial.ts";
import { randomThrown } from "../packages/core/test/helpers/hostile-values.ts";
import { serverOf } from "../apps/faults/test/stores.ts";

// A taste of `npm run fuzz:hostile`, which tries 100,000 on every backend.
const cases = { worker: 200, receiver: 100, records: 100, driverErrors: 40 };
const seed = 1;

for (const target of targets.filter(({ name }) => ["sqlite", "bullmq", "postgres"].includes(name))) {
  test(`on ${target.name}, hostile thrown values, stored records and driver errors cost no slot, no process, no listing and no job`, async () => {
    const server = await serverOf(target);
    const { folder, remove } = await freshFolder();
    const storeOf = (name: string) => ({ url: target.storeUrl(server?.url ?? "", name, folder), folder, remove });
    const { faults } = await tryHostile(target, server, storeOf, randomThrown, seed, cases);
    await remove();
    expect(faults).toEqual([]);
  });
}
