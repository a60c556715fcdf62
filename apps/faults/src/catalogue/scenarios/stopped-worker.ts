import assert from "node:assert/strict";
import { nap } from "../../jobs.ts";
import { eventually } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { everywhere, none, type Scenario } from "../frame/scenario.ts";

export const stoppedWorker: Scenario = {
  name: "stopped worker",
  promise:
    "A worker that gets SIGTERM in the middle of a long job aborts and releases it: it starts elsewhere within 2 s, no attempt is spent.",
  rows: ["R38"],
  on: everywhere,
  duplicates: none,
  leaseMs: 0,
  // drain 1 s, abort 1 s, close 2 s.
  exitLimitMs: 4_000,
  load: "alone",
  server: "shared",
  async run({ freshStore, connected, started }) {
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const jobs = await connected(store.url);
    const { id } = await jobs.enqueue(nap, {});
    const settings = { queues: ["default"], lease: "30s", drain: "1s" };
    const leaving = started("worker", store.url, ledger.record, JSON.stringify(settings));
    await eventually(() => ledger.deeds().length === 1, "the job has started");
    const staying = started("worker", store.url, ledger.record, JSON.stringify({ ...settings, ms: 10 }));
    await eventually(() => staying.lines.some(({ event }) => event === "booted"), "the other worker is up");
    const asked = performance.now();
    leaving.kill("SIGTERM");
    assert.equal(await leaving.ended, 0);
    const exitMs = performance.now() - asked;
    const settled = await eventually(
      () => staying.lines.find(({ event }) => event === "settled"),
      "the job is done elsewhere",
      20_000,
    );
    const last = leaving.lines.at(-1);
    assert.deepEqual(
      [last?.event, last?.["reason"], last?.["released"], last?.["unfinished"]],
      ["stopped", "SIGTERM", 1, 0],
    );
    const { outcome, attempt, lost } = settled;
    assert.deepEqual([settled["id"], outcome, attempt, lost], [id, "completed", 1, 0]);
    const abortedAt = ledger.deeds("abort")[0]?.at ?? 0;
    const again = ledger.deeds("start")[1]?.at ?? Infinity;
    return {
      accepted: 1,
      lost: ledger.lost([id]),
      duplicated: ledger.duplicated(),
      takeoversMs: [again - abortedAt],
      exitsMs: [exitMs],
    };
  },
};
