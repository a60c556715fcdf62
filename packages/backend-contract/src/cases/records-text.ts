import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { change, idsOf, records, recordRule as rule, T0, writeEach } from "./record-calls.ts";

/** More than a store with an index of texts looks through before it asks its index. */
const NEWER = 4_100;

const TEXTS: Readonly<Record<string, string>> = {
  quotes: '{"say":"it\'s \\"quoted\\" AND (NEAR OR NOT) *"}',
  wildcards: "100%_sure \\ back\\slash ___ %%%",
  letters: "Grüße aus Köln, привет мир, 漢字かな, \u212Aelvin",
  emoji: "one 😀😀😀 two",
  short: "zq",
};

/** What is looked for, and which of `TEXTS` have it. */
const SOUGHT: readonly (readonly [text: string, ...ids: string[]])[] = [
  ['"quoted\\" AND (NEAR', "quotes"],
  ["and (near or NOT) *", "quotes"],
  ['\\"quoted\\"', "quotes"],
  ["it''s"],
  ["%_sure \\ BACK\\s", "wildcards"],
  ["0__s"],
  ["___", "wildcards"],
  ["%%%", "wildcards"],
  ["grüße AUS k", "letters"],
  ["GRÜSSE"],
  ["GRÜßE"],
  ["привет", "letters"],
  ["ПРИВЕТ"],
  ["字かな", "letters"],
  ["\u212Aelv", "letters"],
  ["Kelv"],
  ["😀😀😀 TWO", "emoji"],
  ["😀😀", "emoji"],
  ["zq", "short"],
  ["ZQ", "short"],
  ["zqx"],
];

/** An index of texts, where the store has one, changes nothing but the time. */
export const recordTextCases: readonly ContractCase[] = [
  rule("text is found within payload and message, in upper and lower case, and has no wildcards", async (bench) => {
    const store = records(bench);
    await store.write([
      change("a-first", { payload: "needle in the first", enqueuedAt: T0 - 90 }),
      change("b-early", { payload: "needle in the early", enqueuedAt: T0 - 50 }),
    ]);
    await store.indexTexts?.();
    await store.indexTexts?.();
    await writeEach(bench, change("c-later", { payload: "needle of the later", enqueuedAt: T0 - 20 }));
    const special = Object.entries(TEXTS).map(([id, payload]) => change(id, { payload }));
    await store.write([...special, change("message", { message: "the first reason" })]);
    for (let from = 0; from < NEWER; from += 1_000) {
      const some = Array.from({ length: Math.min(1_000, NEWER - from) }, (_, at) => from + at);
      await store.write(
        some.map((at) => change(`newer-${at}`, { payload: `"common ${at}."`, enqueuedAt: T0 + 10 + at })),
      );
    }
    for (const [text, ...ids] of SOUGHT) assert.deepEqual(await idsOf(bench, { text }), ids, `for ${text}`);

    await writeEach(bench, change("message", { state: "dead", rank: 3, message: "the second reason" }));
    assert.deepEqual(await idsOf(bench, { text: "first reason" }), []);
    assert.deepEqual(await idsOf(bench, { text: "SECOND reason" }), ["message"]);
    assert.deepEqual(await idsOf(bench, { text: "second reason", type: "other" }), []);
    assert.deepEqual(await idsOf(bench, { text: "common 7." }), ["newer-7"]);

    assert.deepEqual(await idsOf(bench, { text: "needle" }), ["c-later", "b-early", "a-first"]);
    const page = await store.find({ text: "needle", limit: 1 });
    assert.deepEqual(await idsOf(bench, { text: "needle", after: String(page.next) }), ["b-early", "a-first"]);
    await store.prune({ before: T0 - 70, most: null, limit: 10 });
    assert.deepEqual(await idsOf(bench, { text: "needle" }), ["c-later", "b-early"]);
    await store.prune({ before: T0 - 10, most: null, limit: 10 });
    assert.deepEqual(await idsOf(bench, { text: "needle" }), []);
  }),
];
