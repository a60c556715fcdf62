import { expect, test } from "vitest";
import { scopedLedger } from "../../src/backend/scoped-ledger.ts";
import { createLedger } from "../../src/memory/ledger.ts";

function opened() {
  let version = 0;
  const all = createLedger(() => ++version);
  return { all, sqs: scopedLedger("sqs/", all), rabbitmq: scopedLedger("rabbitmq/", all) };
}

const keysOf = (records: readonly ({ readonly key: string } | null)[]): (string | null)[] =>
  records.map((record) => record && record.key);

test("each scope has its own records, and its callers see its keys without the scope", async () => {
  const { all, sqs, rabbitmq } = opened();
  const changes = ["a/1", "a/2", "b"].map((key) => ({ key, ifVersion: "absent" as const, value: "x", dueInMs: 0 }));
  expect((await sqs.commit(changes)).ok).toBe(true);
  expect((await rabbitmq.commit(changes.slice(0, 1))).ok).toBe(true);
  expect(keysOf(await sqs.read(["a/1", "none"]))).toEqual(["a/1", null]);
  expect(keysOf(await sqs.list({ prefix: "a/", limit: 9 }))).toEqual(["a/1", "a/2"]);
  expect(keysOf(await sqs.list({ prefix: "", after: "a/1", limit: 9 }))).toEqual(["a/2", "b"]);
  expect(keysOf(await sqs.due({ prefix: "", limit: 2 }))).toEqual(["a/1", "a/2"]);
  expect(keysOf(await rabbitmq.list({ prefix: "", limit: 9 }))).toEqual(["a/1"]);
  expect(keysOf(await all.list({ prefix: "", limit: 9 }))).toEqual(["rabbitmq/a/1", "sqs/a/1", "sqs/a/2", "sqs/b"]);
});

test("a conflict names the keys as they were given", async () => {
  const { sqs } = opened();
  await sqs.commit([{ key: "a", ifVersion: "any", value: "1" }]);
  expect(await sqs.commit([{ key: "a", ifVersion: "absent", value: "2" }])).toEqual({ ok: false, conflicts: ["a"] });
});
