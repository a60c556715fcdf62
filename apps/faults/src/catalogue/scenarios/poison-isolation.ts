import assert from "node:assert/strict";
import { kill, nap } from "../../jobs.ts";
import { eventually, type Running } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { onlyOn, type Scenario } from "../frame/scenario.ts";

const MAX_LOST = 6;

export const poisonIsolation: Scenario = {
  name: "poison isolation",
  promise: "A job that kills its workers is dead-lettered alone: those that ran beside it each time are completed.",
  rows: [],
  on: onlyOn(
    ["sqlite", "bullmq", "postgres"],
    "core decides which jobs run together by the losses that a store counts; the stores count each alike",
  ),
  cut: ["sqlite"],
  duplicates: { most: 0, why: "a job that was cut has not ended" },
  load: "waits",
  server: "shared",
  async run({ freshStore, connected, started }) {
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const jobs = await connected(store.url);
    const innocent = async (): Promise<string> => (await jobs.enqueue(nap, {})).id;
    const before = await Promise.all([innocent(), innocent(), innocent()]);
    const { id: killer } = await jobs.enqueue(kill, {});
    const behind = await Promise.all([innocent(), innocent(), innocent()]);

    const settings = { queues: ["default"], lease: 1_000, concurrency: 7, ms: 300, maxLost: MAX_LOST };
    const ends = new Map<unknown, unknown>();
    let deaths = 0;
    while (ends.size < 7 && deaths <= MAX_LOST) {
      const worker = started("worker", store.url, ledger.record, JSON.stringify(settings));
      let isDead = false;
      void worker.ended.then(() => (isDead = true));
      await eventually(() => isDead || ends.size + endsIn(worker).size === 7, "a worker has died, or all is done");
      for (const [id, end] of endsIn(worker)) ends.set(id, end);
      deaths += isDead ? 1 : 0;
    }
    assert.deepEqual(
      [...ends].filter(([, end]) => end !== "completed"),
      [[killer, "WORKER_LOST"]],
    );
    assert.deepEqual([...ends.keys()].sort(), [...before, killer, ...behind].sort());
    assert.equal(deaths, MAX_LOST);
    return { accepted: 6, lost: ledger.lost([...before, ...behind]), duplicated: ledger.duplicated() };
  },
};

/** How jobs ended for good in this worker, by id. */
function endsIn({ lines }: Running): Map<unknown, unknown> {
  const last = lines.filter(({ event, outcome }) => event === "settled" && outcome !== "release");
  return new Map(
    last.map(({ id, outcome, reason }) => [id, outcome === "dead" ? (reason as { code: string }).code : outcome]),
  );
}
