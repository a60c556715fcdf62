import { expect, test } from "vitest";
import type { Ledger, LedgerChange } from "../../../src/backend/ledger.ts";
import { guardedLedger } from "../../../src/backend/shared/guarded-ledger.ts";

/** Every call that reached the ledger behind the guard. */
function recorded(assertOpen: () => void = () => {}) {
  const calls: unknown[] = [];
  const ledger: Ledger = {
    async read(keys) {
      calls.push(keys);
      return keys.map(() => null);
    },
    async commit(changes) {
      calls.push(changes);
      return { ok: true, versions: changes.map(() => 1) };
    },
    async list(range) {
      calls.push(range);
      return [];
    },
    async due(range) {
      calls.push(range);
      return [];
    },
  };
  return { calls, ledger: guardedLedger(assertOpen, ledger) };
}

const change = (more: object = {}): LedgerChange => ({ key: "a/b", ifVersion: "any", value: "v", ...more });
const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `k/${at}`);

const refused: Readonly<Record<string, [(ledger: Ledger) => Promise<unknown>, string]>> = {
  "an empty key": [(one) => one.read([""]), 'a key is "": 1 to 512 characters of printable ASCII without blanks'],
  "a key with a blank": [(one) => one.read(["a b"]), 'a key is "a b":'],
  "a key with a letter beyond ASCII": [(one) => one.commit([change({ key: "é" })]), 'a key is "é":'],
  "a key of 513 characters": [(one) => one.read(["k".repeat(513)]), "(513 characters): 1 to 512 characters"],
  "a key that is a number": [(one) => one.read([1 as never]), "a key is 1:"],
  "1,001 keys": [(one) => one.read(many(1_001)), "1001 keys in one call; split them into calls of at most 1000"],
  "1,001 changes": [(one) => one.commit(many(1_001).map((key) => change({ key }))), "1001 changes in one call"],
  "two changes of one key": [(one) => one.commit([change(), change()]), 'a commit changes the key "a/b" twice'],
  "a version of 0": [
    (one) => one.commit([change({ ifVersion: 0 })]),
    'ifVersion of "a/b" is 0: a whole number from 1, "absent" or "any"',
  ],
  "a version that is a word": [(one) => one.commit([change({ ifVersion: "new" })]), 'ifVersion of "a/b" is "new"'],
  "a value that is an object": [
    (one) => one.commit([change({ value: {} })]),
    'the value of "a/b" is an object: a text, or null to delete',
  ],
  "a value of 65,537 bytes": [
    (one) => one.commit([change({ value: `${"é".repeat(32_768)}x` })]),
    'the value of "a/b" has 65537 bytes, the limit is 65536; split it',
  ],
  "a value with U+0000": [(one) => one.commit([change({ value: "\0" })]), "write it as JSON"],
  "a value with half of a surrogate pair": [(one) => one.commit([change({ value: "\uD83D" })]), "write it as JSON"],
  "a negative dueInMs": [(one) => one.commit([change({ dueInMs: -1 })]), 'dueInMs of "a/b" is -1: milliseconds from 0'],
  "an infinite dueInMs": [(one) => one.commit([change({ dueInMs: Infinity })]), "leave it out for never"],
  "an expiry of 0": [
    (one) => one.commit([change({ expiresInMs: 0 })]),
    'expiresInMs of "a/b" is 0: milliseconds from 1',
  ],
  "an expiry that is no number": [(one) => one.commit([change({ expiresInMs: NaN })]), "is NaN: milliseconds from 1"],
  "a limit of 0": [(one) => one.list({ prefix: "a/", limit: 0 }), "limit is 0: a whole number from 1 to 1000"],
  "a limit of 1,001": [(one) => one.due({ prefix: "a/", limit: 1_001 }), "limit is 1001:"],
  "a prefix with a blank": [(one) => one.due({ prefix: "a ", limit: 1 }), 'a prefix is "a ":'],
  "an empty after": [(one) => one.list({ prefix: "", after: "", limit: 1 }), 'after is "":'],
};

test.each(Object.entries(refused))("refuses %s, names it, and passes nothing on", async (_what, [call, words]) => {
  const { calls, ledger } = recorded();
  await expect(call(ledger)).rejects.toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(words) });
  expect(calls).toEqual([]);
});

test("passes on what is at its limit", async () => {
  const { calls, ledger } = recorded();
  const key = "~".repeat(512);
  const changes = [...many(999).map((one) => change({ key: one })), change({ key, value: "é".repeat(32_768) })];
  await ledger.commit(changes);
  await ledger.read(many(1_000));
  await ledger.list({ prefix: "", after: key, limit: 1_000 });
  expect(calls).toEqual([changes, many(1_000), { prefix: "", after: key, limit: 1_000 }]);
});

test("times are rounded up to whole milliseconds", async () => {
  const { calls, ledger } = recorded();
  await ledger.commit([change({ dueInMs: 0.1, expiresInMs: 1.5 }), change({ key: "b", dueInMs: 3 })]);
  expect(calls).toEqual([[change({ dueInMs: 1, expiresInMs: 2 }), change({ key: "b", dueInMs: 3 })]]);
});

test("an empty list makes no call", async () => {
  const { calls, ledger } = recorded();
  expect(await ledger.read([])).toEqual([]);
  expect(await ledger.commit([])).toEqual({ ok: true, versions: [] });
  expect(calls).toEqual([]);
});

test("every call rejects once the connection is closed", async () => {
  const { calls, ledger } = recorded(() => {
    throw new Error("closed");
  });
  for (const call of [ledger.read([]), ledger.commit([]), ledger.list({ prefix: "", limit: 1 })]) {
    await expect(call).rejects.toThrow("closed");
  }
  await expect(ledger.due({ prefix: "", limit: 1 })).rejects.toThrow("closed");
  expect(calls).toEqual([]);
});
