import assert from "node:assert/strict";
import { type WorkerRegistry, workerRegistryOf } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { rejectsWith } from "../expect.ts";
import { allOf, hasWorkerRegistry, shareable } from "./applies-to.ts";

const subject = "worker registry";

const LONG_MS = 60_000;

function workerRegistry({ backend }: Pick<Bench, "backend">): WorkerRegistry {
  const found = workerRegistryOf(backend);
  assert.ok(found);
  return found;
}

const listed = async (bench: Pick<Bench, "backend">): Promise<Record<string, string>> =>
  Object.fromEntries((await workerRegistry(bench).list()).map(({ id, facts }) => [id, facts]));

const rule = (name: string, run: ContractCase["run"]): ContractCase => ({
  subject,
  name,
  appliesTo: hasWorkerRegistry,
  run,
});

const listing: readonly ContractCase[] = [
  rule("an announced worker is listed with its facts, unread and unchanged", async (bench) => {
    const facts = ' {"b":1.0,"a":"żółw \u2028 \\u0000"}\n';
    await workerRegistry(bench).announce("w1", facts, LONG_MS);
    assert.deepEqual(await listed(bench), { w1: facts });
  }),
  rule("a worker announced again is there once, with its latest facts", async (bench) => {
    await workerRegistry(bench).announce("w1", "first", LONG_MS);
    await workerRegistry(bench).announce("w1", "second", LONG_MS);
    assert.deepEqual(
      (await workerRegistry(bench).list()).map(({ id, facts }) => ({ id, facts })),
      [{ id: "w1", facts: "second" }],
    );
  }),
  rule("workers are listed by id", async (bench) => {
    for (const id of ["w2", "w1", "w3"]) await workerRegistry(bench).announce(id, "", LONG_MS);
    assert.deepEqual(
      (await workerRegistry(bench).list()).map(({ id }) => id),
      ["w1", "w2", "w3"],
    );
  }),
  rule("a withdrawn worker is not listed, and the others are", async (bench) => {
    for (const id of ["w1", "w2"]) await workerRegistry(bench).announce(id, "", LONG_MS);
    await workerRegistry(bench).withdraw("w1");
    assert.deepEqual(await listed(bench), { w2: "" });
  }),
  rule("a withdrawal of a worker that is not listed does nothing", async (bench) => {
    await workerRegistry(bench).withdraw("unknown");
    assert.deepEqual(await listed(bench), {});
  }),
  {
    subject,
    name: "every connection lists the workers of all",
    appliesTo: allOf(hasWorkerRegistry, shareable),
    async run(bench) {
      await workerRegistry(bench).announce("w1", "", LONG_MS);
      assert.deepEqual(await listed({ backend: await bench.second() }), { w1: "" });
    },
  },
];

const silence: readonly ContractCase[] = [
  rule("a worker that stays silent is listed until its time is up, and not after", async (bench) => {
    const { leaseMs, tickMs } = bench;
    await workerRegistry(bench).announce("w1", "", leaseMs);
    assert.deepEqual(await listed(bench), { w1: "" });
    await bench.sleep(leaseMs + tickMs);
    assert.deepEqual(await listed(bench), {});
  }),
  rule("a worker heard again is listed past its first time", async (bench) => {
    await workerRegistry(bench).announce("w1", "", bench.leaseMs);
    await workerRegistry(bench).announce("w1", "", LONG_MS);
    await bench.sleep(bench.leaseMs + bench.tickMs);
    assert.deepEqual(await listed(bench), { w1: "" });
  }),
  rule("heardMs is how long ago a worker was heard last", async (bench) => {
    const before = performance.now();
    await workerRegistry(bench).announce("w1", "", LONG_MS);
    const after = performance.now();
    await bench.sleep(5 * bench.tickMs);
    const atLeast = performance.now() - after;
    const [found] = await workerRegistry(bench).list();
    const atMost = performance.now() - before;
    const heardMs = found?.heardMs ?? -1;
    assert.ok(heardMs >= atLeast - 2 && heardMs <= atMost + 2, `${heardMs} is not within ${atLeast} and ${atMost} ms`);
  }),
  rule("the worker registry of a closed connection rejects BACKEND_CLOSED", async (bench) => {
    await bench.backend.close();
    await rejectsWith("BACKEND_CLOSED", workerRegistry(bench).announce("w1", "", LONG_MS));
    await rejectsWith("BACKEND_CLOSED", workerRegistry(bench).withdraw("w1"));
    await rejectsWith("BACKEND_CLOSED", workerRegistry(bench).list());
  }),
];

export const workerRegistryCases: readonly ContractCase[] = [...listing, ...silence];
