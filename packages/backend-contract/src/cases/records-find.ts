import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { change, idsOf, records, recordRule as rule, T0, writeEach } from "./record-calls.ts";

const filter = (name: "type" | "queue" | "tenant" | "code", value: string): ContractCase =>
  rule(`records are found by ${name}, letter by letter`, async (bench) => {
    const part = { [name]: value };
    const other = { [name]: value.toUpperCase() };
    await records(bench).write([
      change("a", part),
      change("b", other),
      change("c", { ...part, enqueuedAt: T0 + 1 }),
      change("d"),
    ]);
    assert.deepEqual(await idsOf(bench, part), ["c", "a"]);
  });

/** Enqueued one after the other, the first first. */
const inTurn = (...ids: string[]): ReturnType<typeof change>[] =>
  ids.map((id, at) => change(id, { enqueuedAt: T0 + at }));

const finding: readonly ContractCase[] = [
  filter("type", "photo.resize"),
  filter("queue", "media"),
  filter("tenant", "acme"),
  filter("code", "payment.refused"),
  rule("records are found by the state that they have now, and no more by the one before", async (bench) => {
    await writeEach(bench, change("a"), change("a", { state: "completed", rank: 3 }));
    assert.deepEqual(
      [await idsOf(bench, { state: "waiting" }), await idsOf(bench, { state: "completed" })],
      [[], ["a"]],
    );
  }),
  rule("records are found by time: since is part of the range, until is not", async (bench) => {
    await records(bench).write(inTurn("a", "b", "c", "d"));
    assert.deepEqual(await idsOf(bench, { since: T0 + 1, until: T0 + 3 }), ["c", "b"]);
  }),
  rule("a record is found only if it passes every filter", async (bench) => {
    await records(bench).write([
      change("a", { type: "x", queue: "one", tenant: "t" }),
      change("b", { type: "x", queue: "two", tenant: "t" }),
      change("c", { type: "y", queue: "one", tenant: "t" }),
    ]);
    assert.deepEqual(await idsOf(bench, { type: "x", queue: "one", tenant: "t", since: T0, until: T0 + 1 }), ["a"]);
  }),
  rule("pages have each record once, those enqueued last first, and the last page has no next", async (bench) => {
    const store = records(bench);
    // Several of the same moment, so that a page may end among them.
    await store.write(Array.from({ length: 7 }, (_, at) => change(`job-${at}`, { enqueuedAt: T0 + (at >> 1) })));
    const pages: string[][] = [];
    for (let after: string | undefined; ;) {
      const page = await store.find({ type: "mail.send", limit: 3, ...(after !== undefined && { after }) });
      pages.push(page.records.map(({ id }) => id));
      if (page.next === null) break;
      after = page.next;
    }
    assert.deepEqual(
      pages.map((page) => page.length),
      [3, 3, 1],
    );
    const times = pages.flat().map((id) => Number(id.slice(4)) >> 1);
    assert.deepEqual(times, [3, 2, 2, 1, 1, 0, 0]);
    assert.equal(new Set(pages.flat()).size, 7);
  }),
  rule("asOf is when the newest change was made, and null before the first", async (bench) => {
    const asOf = async (): Promise<number | null> => (await records(bench).find({ limit: 1 })).asOf;
    assert.equal(await asOf(), null);
    await writeEach(bench, change("a", { at: T0 + 9 }), change("b", { at: T0 + 4 }));
    assert.equal(await asOf(), T0 + 9);
  }),
];

const pruning: readonly ContractCase[] = [
  rule("records are pruned by the time of their enqueue, and no others", async (bench) => {
    await records(bench).write(inTurn("a", "b", "c"));
    assert.equal(await records(bench).prune({ before: T0 + 2, most: null, limit: 100 }), 2);
    assert.deepEqual(await idsOf(bench), ["c"]);
    assert.equal(await records(bench).get("a"), null);
  }),
  rule("records are pruned by their number, those enqueued first", async (bench) => {
    await records(bench).write(inTurn("a", "b", "c"));
    assert.equal(await records(bench).prune({ before: null, most: 1, limit: 100 }), 2);
    assert.deepEqual(await idsOf(bench, { type: "mail.send" }), ["c"]);
    assert.equal(await records(bench).prune({ before: null, most: 1, limit: 100 }), 0);
  }),
  rule("one call prunes at most its limit", async (bench) => {
    await records(bench).write(inTurn("a", "b", "c", "d", "e"));
    const pruned = (limit: number): Promise<number> => records(bench).prune({ before: T0 + 9, most: 0, limit });
    assert.deepEqual([await pruned(2), await pruned(2), await pruned(2)], [2, 2, 1]);
  }),
];

export const recordFindCases: readonly ContractCase[] = [...finding, ...pruning];
