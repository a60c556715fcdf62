import assert from "node:assert/strict";
import type { RecordChange } from "@waybill/core/backend";
import type { ContractCase } from "../contract-case.ts";
import { change, idsOf, recordOf, records, recordRule as rule, T0, writeEach } from "./record-calls.ts";

const writing: readonly ContractCase[] = [
  rule("a record is what was written, and null for a job that has none", async (bench) => {
    const written = change("a", {
      tenant: "acme",
      payload: "{}",
      code: "C",
      message: "m",
      startedAt: T0 + 1,
      endedAt: T0 + 2,
    });
    await records(bench).write([{ ...written, state: "dead" }, change("b")]);
    const { rank: _, replaces: __, ...expected } = { ...written, state: "dead" };
    const { ...found } = await recordOf(bench, "a");
    assert.deepEqual(pick(found, expected), expected);
    assert.equal(await records(bench).get("c"), null);
  }),
  rule("any text of a record is kept, also quotes, emoji and 8 KB of a stack", async (bench) => {
    const odd = `it's "quoted" \\ \n \u2028 😀 {a} %_$1 \\u0000`;
    const items = { "a1.0": JSON.stringify({ stack: odd.repeat(200) }) };
    await writeEach(bench, change("a", { payload: odd, message: odd, type: "it's", tenant: '"t\\', items }));
    const { payload, message, type, tenant, items: found } = await recordOf(bench, "a");
    assert.deepEqual(
      { payload, message, type, tenant, ...found },
      { payload: odd, message: odd, type: "it's", tenant: '"t\\', ...items },
    );
  }),
  rule("what is known of a job is that of the first change that has it", async (bench) => {
    const unknown = { type: "", tenant: null, payload: null };
    const known = { type: "mail.send", tenant: "acme", payload: '"first"' };
    await writeEach(
      bench,
      change("a", { ...unknown, enqueuedAt: T0 }),
      change("a", { ...known, enqueuedAt: T0 + 5 }),
      change("a", { type: "other", tenant: "other", payload: '"other"', enqueuedAt: T0 - 5 }),
    );
    const { type, tenant, payload, enqueuedAt } = await recordOf(bench, "a");
    assert.deepEqual({ type, tenant, payload, enqueuedAt }, { ...known, enqueuedAt: T0 });
  }),
  rule(
    "of two states the one of the higher rank stays, and of the same rank the later, in whatever order they arrive",
    async (bench) => {
      const ended: Partial<RecordChange> = { state: "completed", rank: 3, at: T0 + 20, endedAt: T0 + 20 };
      const running: Partial<RecordChange> = { state: "running", rank: 2, at: T0 + 30, startedAt: T0 + 10 };
      const retrying: Partial<RecordChange> = { state: "retrying", rank: 2, at: T0 + 40, code: "C" };
      await writeEach(bench, change("a", ended), change("a", running), change("b", running), change("b", ended));
      await writeEach(bench, change("c", running), change("c", retrying), change("d", retrying), change("d", running));
      for (const id of ["a", "b"]) {
        const { state, startedAt, endedAt } = await recordOf(bench, id);
        assert.deepEqual({ state, startedAt, endedAt }, { state: "completed", startedAt: T0 + 10, endedAt: T0 + 20 });
      }
      for (const id of ["c", "d"]) {
        const { state, code, at } = await recordOf(bench, id);
        assert.deepEqual({ state, code, at }, { state: "retrying", code: "C", at: T0 + 40 });
      }
    },
  ),
  rule("a state replaces those that began before the time it names, whatever their rank", async (bench) => {
    const dead = change("a", { state: "dead", rank: 9, at: T0 + 10, endedAt: T0 + 10, code: "C", message: "m" });
    await writeEach(bench, dead, change("a", { state: "running", rank: 2, at: T0 + 20, replaces: T0 + 20 }));
    const { state, endedAt, code, message } = await recordOf(bench, "a");
    assert.deepEqual({ state, endedAt, code, message }, { state: "running", endedAt: null, code: null, message: null });
    await writeEach(bench, change("a", { state: "retrying", rank: 1, at: T0 + 30, replaces: T0 + 20 }));
    assert.equal((await recordOf(bench, "a")).state, "running");
  }),
  rule("items of a change replace those of the same name, and the others stay", async (bench) => {
    await writeEach(
      bench,
      change("a", { items: { p: "1", "a1.0": "1" } }),
      change("a", { items: { p: "2", "l1.0.0": "2" } }),
    );
    assert.deepEqual(await itemsOf(bench, "a"), { p: "2", "a1.0": "1", "l1.0.0": "2" });
  }),
  rule("a thousand changes are written by one call", async (bench) => {
    const many = Array.from({ length: 1_000 }, (_, at) => change(`job-${at}`));
    await records(bench).write(many);
    assert.equal((await records(bench).find({ limit: 1_000 })).records.length, 1_000);
  }),
  rule("two connections may write the same jobs at the same time, and each change is merged", async (bench) => {
    const other = { backend: await bench.second() };
    const ids = Array.from({ length: 50 }, (_, at) => `job-${at}`);
    const by = (name: string): RecordChange[] => ids.map((id) => change(id, { items: { [name]: "1" } }));
    await Promise.all([
      records(bench).write(by("a1.0")),
      records(other).write(by("a2.0").toReversed()),
      records(bench).write(by("a3.0")),
    ]);
    for (const id of ids) assert.deepEqual(await itemsOf(bench, id), { "a1.0": "1", "a2.0": "1", "a3.0": "1" });
  }),
  rule("records of one scope are apart from those of another", async (bench) => {
    await records(bench, "sqs").write([change("a", { payload: "1" })]);
    assert.equal(await records(bench).get("a"), null);
    assert.deepEqual(await idsOf(bench), []);
    assert.equal((await records(bench, "sqs").get("a"))?.payload, "1");
  }),
];

const itemsOf = async (bench: Parameters<typeof recordOf>[0], id: string): Promise<Record<string, string>> => ({
  ...(await recordOf(bench, id)).items,
});

const pick = (found: object, like: object): object =>
  Object.fromEntries(Object.keys(like).map((name) => [name, (found as Record<string, unknown>)[name]]));

export const recordCases: readonly ContractCase[] = writing;
