import { readDeeds } from "../../record.ts";
import { Client } from "pg";
import { blink } from "../../jobs.ts";
import { eventually } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { none, onlyOn, type Scenario } from "../frame/scenario.ts";

const ROUNDS = 10;
/** Rows that no vacuum may remove are read again at each lease. So much slower may the last round be than the quickest. */
const MOST_TIMES = 10;

export const oldSnapshot: Scenario = {
  name: "old snapshot",
  promise:
    "While a transaction of PostgreSQL is open, so that no vacuum removes what has ended, every job still runs, the last ones not ten times slower than the first.",
  rows: [],
  on: onlyOn(["postgres"], "only PostgreSQL keeps old versions of rows for open transactions"),
  duplicates: none,
  load: "alone",
  server: "own",
  async run({ freshStore, server, connected, started, atEnd, pick }) {
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const jobs = await connected(store.url);
    started("worker", store.url, ledger.record, JSON.stringify({ queues: ["default"], concurrency: 50 }));
    const other = new Client((await server()).url);
    await other.connect();
    atEnd(() => other.end());
    await other.query("begin isolation level repeatable read");
    await other.query("select count(*) from pg_class");
    const accepted: string[] = [];
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const began = performance.now();
      const batch = Array.from({ length: pick(200, 1_000) }, () => jobs.enqueue(blink, {}));
      for (const { id } of await Promise.all(batch)) accepted.push(id);
      await eventually(() => readDeeds(ledger.record).length >= accepted.length, "the round has run", 120_000);
      rounds.push(Math.round(performance.now() - began));
    }
    const lost = await ledger.settle(accepted);
    // The first includes what the worker's start takes.
    const [quickest, last] = [Math.min(...rounds.slice(1)), rounds.at(-1) ?? 0];
    const violations = last > MOST_TIMES * quickest ? [`the rounds took ${rounds.join(", ")} ms`] : [];
    return { accepted: accepted.length, lost, duplicated: ledger.duplicated(), violations };
  },
};
