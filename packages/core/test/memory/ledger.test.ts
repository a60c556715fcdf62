import { afterEach, expect, test } from "vitest";
import { ledgerOf } from "../../src/backend/ledger.ts";
import { createLedger } from "../../src/memory/ledger.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { moveClock } from "../../src/time/clock.ts";

const restore: (() => void)[] = [];
afterEach(() => restore.splice(0).forEach((back) => back()));
const advance = (ms: number): void => void restore.push(moveClock(ms));

function opened() {
  let version = 0;
  return createLedger(() => ++version);
}

test("the clock that a test moves makes records due and lets them expire", async () => {
  const ledger = opened();
  await ledger.commit([
    { key: "schedule/a", ifVersion: "absent", value: "1", dueInMs: 60_000 },
    { key: "worker/w", ifVersion: "absent", value: "2", expiresInMs: 60_000 },
  ]);
  expect(await ledger.due({ prefix: "schedule/", limit: 10 })).toEqual([]);
  advance(59_000);
  expect(await ledger.read(["worker/w"])).toMatchObject([{ value: "2" }]);
  advance(1_000);
  expect(await ledger.due({ prefix: "schedule/", limit: 10 })).toMatchObject([{ key: "schedule/a" }]);
  expect(await ledger.read(["schedule/a", "worker/w"])).toMatchObject([{ value: "1" }, null]);
});

test("a record that is written anew loses its old expiry", async () => {
  const ledger = opened();
  await ledger.commit([{ key: "a", ifVersion: "any", value: "1", expiresInMs: 10 }]);
  await ledger.commit([{ key: "a", ifVersion: "any", value: "2" }]);
  advance(1_000);
  expect(await ledger.read(["a"])).toMatchObject([{ value: "2" }]);
});

test("keys are listed by their bytes, page by page, while others are written", async () => {
  const ledger = opened();
  const keys = ["a/~", "a/1", "a/B", "a/b", "ab", "a"];
  await ledger.commit(keys.map((key) => ({ key, ifVersion: "any", value: key })));
  const first = await ledger.list({ prefix: "a/", limit: 2 });
  await ledger.commit([{ key: "a/0", ifVersion: "any", value: "" }]);
  const second = await ledger.list({ prefix: "a/", after: first.at(-1)!.key, limit: 9 });
  expect([...first, ...second].map(({ key }) => key)).toEqual(["a/1", "a/B", "a/b", "a/~"]);
});

test("connections of one store share its ledger, and another store has its own", async () => {
  const open = memoryBackend();
  const [one, two, other] = [await open(), await open(), await memoryBackend()()];
  await ledgerOf(one)?.commit([{ key: "a", ifVersion: "absent", value: "1" }]);
  expect(await ledgerOf(two)?.read(["a"])).toMatchObject([{ value: "1" }]);
  expect(await ledgerOf(other)?.read(["a"])).toEqual([null]);
});
