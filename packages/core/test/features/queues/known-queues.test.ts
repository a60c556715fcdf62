import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { Ledger } from "../../../src/backend/ledger.ts";
import { createKnownQueues } from "../../../src/features/queues/known-queues.ts";
import { createLedger } from "../../../src/memory/ledger.ts";
import { moveClock } from "../../../src/time/clock.ts";

const restore: (() => void)[] = [];
afterEach(() => restore.splice(0).forEach((back) => back()));

const DAY_MS = 86_400_000;

function opened(): { readonly ledger: Ledger; readonly commits: () => number; fail: boolean } {
  let version = 0;
  let commits = 0;
  const memory = createLedger(() => ++version);
  const state = {
    fail: false,
    commits: () => commits,
    ledger: {
      ...memory,
      commit(changes: Parameters<Ledger["commit"]>[0]) {
        commits += 1;
        return state.fail ? Promise.reject(new Error("away")) : memory.commit(changes);
      },
    },
  };
  return state;
}

test("used and declared queues are listed, and a queue that is both counts as declared", async () => {
  const { ledger } = opened();
  const queues = createKnownQueues(ledger);
  queues.used("mailers");
  queues.used("media");
  const end = queues.declare(["mailers", "reports"]);
  await sleep(1);
  expect([...(await createKnownQueues(ledger).list())].toSorted()).toEqual([
    ["mailers", true],
    ["media", false],
    ["reports", true],
  ]);
  end();
});

test("a used queue is written once, again after six hours, and again at once where that failed", async () => {
  const state = opened();
  const queues = createKnownQueues(state.ledger);
  for (let at = 0; at < 3; at++) queues.used("mailers");
  expect(state.commits()).toBe(1);
  restore.push(moveClock(DAY_MS / 4));
  state.fail = true;
  queues.used("mailers");
  await sleep(1);
  queues.used("mailers");
  expect(state.commits()).toBe(3);
});

test("a queue that is not used any more is forgotten after a week", async () => {
  const { ledger } = opened();
  const queues = createKnownQueues(ledger);
  queues.declare(["mailers"])();
  await sleep(1);
  restore.push(moveClock(7 * DAY_MS - 1_000));
  expect(await queues.list()).toEqual(new Map([["mailers", true]]));
  restore.push(moveClock(2_000));
  expect(await queues.list()).toEqual(new Map());
});

test("what another program wrote under the same prefix is no queue", async () => {
  const { ledger } = opened();
  await ledger.commit([{ key: "queue/used/x", ifVersion: "any", value: "Not A Queue" }]);
  expect(await createKnownQueues(ledger).list()).toEqual(new Map());
});

test("more queues than one page of the ledger are all listed", async () => {
  const { ledger } = opened();
  const names = Array.from({ length: 2_001 }, (_, at) => `q${at}`);
  for (let from = 0; from < names.length; from += 500) {
    const some = names.slice(from, from + 500);
    await ledger.commit(some.map((value) => ({ key: `queue/declared/${value}`, ifVersion: "any", value })));
  }
  expect((await createKnownQueues(ledger).list()).size).toBe(2_001);
});
