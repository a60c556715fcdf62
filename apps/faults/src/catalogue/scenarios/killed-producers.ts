import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { everywhere, none, type Scenario } from "../frame/scenario.ts";

/** Producers that are killed at the same moment. */
const AT_ONCE = 4;

export const killedProducers: Scenario = {
  name: "killed producers",
  promise: "When a producer is killed while it enqueues, every job whose enqueue resolved is in the queue.",
  rows: [],
  on: everywhere,
  duplicates: none,
  load: "works",
  server: "shared",
  async run({ freshStore, started, pick, random }) {
    const rounds = pick(2, 13);
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    for (let round = 0; round < rounds; round += 1) {
      const before = ledger.accepted().length;
      const producers = Array.from({ length: AT_ONCE }, () =>
        started("producer", store.url, ledger.promised, "default", "1000000"),
      );
      await eventually(() => ledger.accepted().length > before + 20 * AT_ONCE, "the producers are at work");
      await sleep(random() * 20);
      for (const producer of producers) producer.kill("SIGKILL");
      for (const producer of producers) await producer.ended;
    }
    const accepted = new Set(ledger.accepted()).size;
    const worker = started(
      "worker",
      store.url,
      ledger.record,
      JSON.stringify({ queues: ["default"], concurrency: 100, lease: "30s" }),
    );
    await eventually(() => worker.lines.some(({ event }) => event === "settled"), "the worker is at work");
    // While something moves there is hope; what has not run after ten quiet seconds is lost.
    const lost = await ledger.settle([], 10_000);
    return {
      accepted,
      lost,
      duplicated: ledger.duplicated(),
      violations: accepted > rounds * AT_ONCE * 20 ? [] : [`only ${accepted} jobs were accepted`],
    };
  },
};
