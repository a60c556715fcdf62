import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { block, endOfBlocks } from "../../jobs.ts";
import { eventually } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { everywhere, type Scenario } from "../frame/scenario.ts";

export const blockedLoop: Scenario = {
  name: "blocked loop",
  promise:
    "When a handler blocks its worker's event loop for longer than the lease, the job is completed elsewhere, and the late settle is refused and not counted.",
  rows: [],
  on: everywhere,
  duplicates: { most: 1, why: "a handler that blocks the event loop cannot be aborted: it ends beside the other run" },
  load: "alone",
  server: "shared",
  async run({ freshStore, connected, started }) {
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const jobs = await connected(store.url);
    const settings = { queues: ["default"], lease: 500, concurrency: 1 };
    const blocked = started("worker", store.url, ledger.record, JSON.stringify({ ...settings, ms: 90_000 }));
    const { id } = await jobs.enqueue(block, {});
    await eventually(() => ledger.deeds().length === 1, "the job has started");
    const other = started("worker", store.url, ledger.record, JSON.stringify({ ...settings, ms: 10 }));
    const settled = await eventually(
      () => other.lines.find(({ event }) => event === "settled"),
      "the other worker has completed the job",
      60_000,
    );
    assert.deepEqual([settled["id"], settled["outcome"], settled["lost"]], [id, "completed", 1]);
    writeFileSync(endOfBlocks(ledger.record), "");
    const late = await eventually(
      () => blocked.lines.find(({ event }) => event === "lease_lost" || event === "settled"),
      "there is a response to the late settle",
    );
    assert.deepEqual([late.event, late["id"]], ["lease_lost", id], "the late settle is refused");
    assert.deepEqual(
      blocked.lines.filter(({ event }) => event === "settled"),
      [],
      "the late settle is not counted",
    );
    return { accepted: 1, lost: ledger.lost([id]), duplicated: ledger.duplicated() };
  },
};
