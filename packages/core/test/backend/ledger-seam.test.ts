import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Ledger, LedgerChange } from "../../src/backend/ledger.ts";
import { createLedgerSeam } from "../../src/backend/ledger-seam.ts";
import { createLedger } from "../../src/memory/ledger.ts";

const write = (key: string, value: string, ifVersion: LedgerChange["ifVersion"] = "any"): LedgerChange => ({
  key,
  ifVersion,
  value,
});

/** A ledger in memory, the keys of each call that reached it, and the seam in front. */
function seamed(
  change: (good: Ledger) => Partial<Ledger> = () => ({}),
  limits: { timeoutMs?: number; maxInFlight?: number } = {},
) {
  let version = 0;
  const memory = createLedger(() => ++version);
  const changed = { ...memory, ...change(memory) };
  const calls: string[] = [];
  const spied: Ledger = {
    ...changed,
    read: (keys) => (calls.push(`read ${keys.join(" ")}`), changed.read(keys)),
    commit: (changes) => (calls.push(`commit ${changes.map(({ key }) => key).join(" ")}`), changed.commit(changes)),
  };
  const { ledger, whenIdle } = createLedgerSeam(spied, { timeoutMs: 500, maxInFlight: 3, ...limits });
  return { ledger, whenIdle, calls, memory };
}

test("reads of one turn share one call, each key in it once, and each caller has its own records", async () => {
  const { ledger, calls, memory } = seamed();
  await memory.commit([write("a", "1"), write("b", "2")]);
  const [one, two] = await Promise.all([ledger.read(["a", "b"]), ledger.read(["b", "c", "b"])]);
  expect(calls).toEqual(["read a b c"]);
  expect(one.map((record) => record?.value)).toEqual(["1", "2"]);
  expect(two.map((record) => record?.value)).toEqual(["2", undefined, "2"]);
});

test("commits of one turn share one call, and each has its own versions", async () => {
  const { ledger, calls } = seamed();
  const commits = await Promise.all([
    ledger.commit([write("a", "1"), write("b", "2")]),
    ledger.commit([write("c", "3")]),
  ]);
  expect(calls).toEqual(["commit a b c"]);
  const shown = (await ledger.read(["a", "b", "c"])).map((record) => record?.version);
  expect(commits).toEqual([
    { ok: true, versions: shown.slice(0, 2) },
    { ok: true, versions: shown.slice(2) },
  ]);
});

test("two commits of one key in one turn are made one after the other, in their order", async () => {
  const { ledger, calls } = seamed();
  const commits = await Promise.all([
    ledger.commit([write("a", "first")]),
    ledger.commit([write("a", "second"), write("b", "")]),
    ledger.commit([write("b", "third")]),
    ledger.commit([write("c", "")]),
  ]);
  expect(commits.map(({ ok }) => ok)).toEqual([true, true, true, true]);
  expect(calls).toEqual(["commit a c", "commit a b", "commit b"]);
  expect((await ledger.read(["a", "b"])).map((record) => record?.value)).toEqual(["second", "third"]);
});

test("a commit waits for one of its key that is under way", async () => {
  const { ledger, calls } = seamed((good) => ({
    async commit(changes) {
      await sleep(30);
      return good.commit(changes);
    },
  }));
  const first = ledger.commit([write("a", "first")]);
  await sleep(5);
  const rest = [ledger.commit([write("a", "second")]), ledger.commit([write("b", "")])];
  await sleep(5);
  expect(calls).toEqual(["commit a", "commit b"]);
  await Promise.all([first, ...rest]);
  expect(calls).toEqual(["commit a", "commit b", "commit a"]);
  expect((await ledger.read(["a"]))[0]?.value).toBe("second");
});

test("as many calls are open as the backend takes, and what waits for one shares the next", async () => {
  let open = 0;
  const seen: number[] = [];
  const { ledger, calls } = seamed(
    (good) => ({
      async commit(changes) {
        open += 1;
        seen.push(open);
        await sleep(30);
        open -= 1;
        return good.commit(changes);
      },
    }),
    { maxInFlight: 1 },
  );
  const first = ledger.commit([write("a", "")]);
  await sleep(5);
  await Promise.all([first, ledger.commit([write("b", "")]), sleep(5).then(() => ledger.commit([write("c", "")]))]);
  expect(seen).toEqual([1, 1]);
  expect(calls).toEqual(["commit a", "commit b c"]);
});

test("a commit with a conflict is reported by itself, and those that shared its call are made", async () => {
  const { ledger, calls } = seamed();
  await ledger.commit([write("a", "there"), write("b", "there")]);
  const commits = await Promise.all([
    ledger.commit([write("x", "1", "absent")]),
    ledger.commit([write("b", "no", "absent"), write("y", "no"), write("a", "no", 99)]),
    ledger.commit([write("z", "2", "absent")]),
  ]);
  expect(commits.map((commit) => (commit.ok ? "made" : commit.conflicts))).toEqual(["made", ["b", "a"], "made"]);
  expect(calls.slice(1)).toEqual(["commit x b y a z", "commit x z"]);
  const values = (await ledger.read(["a", "b", "x", "y", "z"])).map((record) => record?.value);
  expect(values).toEqual(["there", "there", "1", undefined, "2"]);
});

test("a call has at most 1,000 changes, and at most a mebibyte of several commits", async () => {
  const { ledger, calls } = seamed();
  const many = (name: string, count: number) =>
    ledger.commit(Array.from({ length: count }, (_, at) => write(`${name}/${at}`, "")));
  await Promise.all([many("a", 600), many("b", 400), many("c", 1)]);
  expect(calls.map((call) => call.split(" ").length - 1)).toEqual([1_000, 1]);
  calls.length = 0;
  await Promise.all(Array.from({ length: 20 }, (_, at) => ledger.commit([write(`v/${at}`, "x".repeat(65_536))])));
  expect(calls.map((call) => call.split(" ").length - 1)).toEqual([16, 4]);
});

test("a wrong key or value fails its own call alone", async () => {
  const { ledger, calls } = seamed();
  const results = await Promise.allSettled([
    ledger.read(["a b"]),
    ledger.read(["a"]),
    ledger.commit([write("", "")]),
    ledger.commit([write("b", "")]),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled"]);
  expect(results[2]).toMatchObject({ reason: { code: "CONFIG_INVALID" } });
  expect(calls.toSorted()).toEqual(["commit b", "read a"]);
});

test("a call that does not return rejects within the time limit, and what waited behind it is not made later", async () => {
  let hangs = true;
  const { ledger, calls, whenIdle } = seamed(
    (good) => ({
      commit: (changes) => (hangs ? new Promise(() => {}) : good.commit(changes)),
      list: () => new Promise(() => {}),
      due: () => new Promise(() => {}),
    }),
    { timeoutMs: 60, maxInFlight: 1 },
  );
  const since = performance.now();
  const results = await Promise.allSettled([
    ledger.commit([write("a", "1")]),
    ledger.commit([write("a", "2")]),
    ledger.list({ prefix: "", limit: 1 }),
    ledger.due({ prefix: "", limit: 1 }),
  ]);
  expect(performance.now() - since).toBeLessThan(3_000);
  for (const result of results) expect(result).toMatchObject({ reason: { code: "BACKEND_UNAVAILABLE" } });
  hangs = false;
  await whenIdle();
  expect(calls).toEqual(["commit a"]);
  expect((await ledger.commit([write("a", "3")])).ok).toBe(true);
});

test("what a driver throws is BACKEND_UNAVAILABLE for each call that shared it", async () => {
  const { ledger } = seamed(() => ({ commit: () => Promise.reject(new Error("ECONNRESET")) }));
  for (const result of await Promise.allSettled([ledger.commit([write("a", "")]), ledger.commit([write("b", "")])])) {
    expect(result).toMatchObject({
      reason: { code: "BACKEND_UNAVAILABLE", message: expect.stringContaining("ECONNRESET") },
    });
  }
});

test("a ledger that reports a conflict and names no key ends the commit with an error", async () => {
  const { ledger } = seamed(() => ({ commit: async () => ({ ok: false, conflicts: [] }) }));
  await expect(ledger.commit([write("a", "")])).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
});

test("whenIdle resolves once every commit has returned", async () => {
  const { ledger, whenIdle, memory } = seamed((good) => ({
    async commit(changes) {
      await sleep(30);
      return good.commit(changes);
    },
  }));
  for (const value of ["1", "2"]) void ledger.commit([write("a", value)]);
  await whenIdle();
  expect(await memory.read(["a"])).toMatchObject([{ value: "2" }]);
});
