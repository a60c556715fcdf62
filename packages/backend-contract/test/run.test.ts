import { memoryBackend } from "@waybill/core/memory";
import { expect, test } from "vitest";
import { contractCases, type Harness, runBackendContract } from "../src/index.ts";
import { type Spoil, spoiled } from "./defects/planted.ts";
import { profiles } from "./profiles.ts";

/** A runner that keeps what it is given, and then runs what it is asked for. */
function collect(harness: Harness) {
  const tests = new Map<string, (context: { skip(reason?: string): unknown }) => Promise<void>>();
  runBackendContract((name, run) => tests.set(name, run), harness);
  const run = async (name: string): Promise<{ skipped: (string | undefined)[] }> => {
    const skipped: (string | undefined)[] = [];
    const found = [...tests.entries()].find(([title]) => title.endsWith(name));
    await found?.[1]({ skip: (reason) => skipped.push(reason) });
    return { skipped };
  };
  return { titles: [...tests.keys()], run };
}

const fresh: Harness["fresh"] = async () => ({ open: memoryBackend() });
const RULE = "a retry raises the attempt by one";

const doesNotCount: Spoil = (good) => ({
  retry: (lease, request) => good.retry(lease, { ...request, countsAttempt: false }),
});
const broken: Harness["fresh"] = async () => ({
  open: spoiled(memoryBackend(), { defect: "", seenBy: RULE, plant: () => doesNotCount }),
});

test("each rule becomes one test, titled by its subject and its sentence, and no two are alike", () => {
  const { titles } = collect({ fresh });
  expect(titles).toEqual(contractCases.map((rule) => `${rule.subject}: ${rule.name}`));
  expect(new Set(titles).size).toBe(titles.length);
  expect(titles.length).toBeGreaterThan(45);
});

test("a broken rule rejects with what was expected", async () => {
  await expect(collect({ fresh: broken }).run(RULE)).rejects.toThrow(/1 !== 2/);
});

test("a known failure shows as skipped, with the reason given for it", async () => {
  const { run } = collect({ fresh: broken, knownFailures: { [RULE]: "the server counts it only since 4.2" } });
  expect((await run(RULE)).skipped).toEqual(["known failure: the server counts it only since 4.2"]);
});

test("a known failure that passes is stale, and fails", async () => {
  const { run } = collect({ fresh, knownFailures: { [RULE]: "fixed long ago" } });
  await expect(run(RULE)).rejects.toThrow(`"${RULE}" is listed in knownFailures but passes; remove the entry`);
});

test("a known failure of a rule that does not apply is stale, and fails", async () => {
  const name = "a delay over maxDelayMs is refused, and the message is not stored";
  const { run } = collect({ fresh, knownFailures: { [name]: "not refused" } });
  await expect(run(name)).rejects.toThrow(/is skipped \(any delay is allowed at enqueue \(maxDelayMs\)\); remove/);
});

test("a known failure that names no rule fails a test of its own", async () => {
  const { run } = collect({ fresh, knownFailures: { "no such rule": "misspelt" } });
  await expect(run("rules of this suite only")).rejects.toThrow('no rule is called "no such rule"');
});

test("a rule that a backend does not requirement is skipped with the capability as the reason", async () => {
  const capabilities = profiles["limited like AMQP"] ?? {};
  const { run } = collect({ fresh: async () => ({ open: memoryBackend({ capabilities }) }) });
  const { skipped } = await run("the end of a delay wakes a waiting call");
  expect(skipped).toEqual(["no delay at enqueue (maxDelayMs 0)"]);
});

test("a store that cannot be opened twice excuses a backend from the rules that need two", async () => {
  const { run } = collect({ fresh, shareable: false });
  const { skipped } = await run("closing one connection disturbs no other");
  expect(skipped).toEqual(["its store cannot be opened twice"]);
});

test("a rule that does not finish fails by its limit, and the store is removed all the same", async () => {
  let removed = 0;
  const { run } = collect({
    limitMs: 50,
    fresh: async () => {
      const open = spoiled(memoryBackend(), {
        defect: "no call ever returns",
        seenBy: "",
        plant: () => () => ({ enqueue: () => new Promise(() => {}) }),
      });
      return { open, remove: async () => void (removed += 1) };
    },
  });
  await expect(run(RULE)).rejects.toThrow("not finished after 50 ms");
  expect(removed).toBe(1);
});
