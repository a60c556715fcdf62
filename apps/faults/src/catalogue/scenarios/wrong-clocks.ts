import { wrongClock } from "@waybill/test-servers";
import { eventually } from "../../process.ts";
import { readLines } from "../../record.ts";
import { ledgerIn, timesMoreThanOnce } from "../frame/ledger.ts";
import { everywhereBut, none, type Scenario } from "../frame/scenario.ts";

const HOUR_MS = 3_600_000;
const DELAY_MS = 3_000;
const LEASE_MS = 4_000;

export const wrongClocks: Scenario = {
  name: "wrong clocks",
  promise:
    "When the clocks of two workers are an hour ahead and an hour behind, and those of the producers too, no lease is taken from a worker that renews it, no job is lost or runs twice, and where the store's clock ends a delay, none starts before that has passed.",
  rows: [],
  on: everywhereBut({ sqlite: "the processes of a file are on one machine, which has one clock" }),
  duplicates: none,
  load: "waits",
  server: "shared",
  async run({ target, freshStore, started, startedUnder, pick }) {
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    // Each job takes longer than its lease: it is renewed by the one worker beside the clock of the other.
    const settings = JSON.stringify({
      queues: ["default"],
      lease: LEASE_MS,
      concurrency: 4,
      prefetch: 0,
      ms: LEASE_MS + 1_000,
    });
    const ahead = startedUnder(wrongClock("+1h"), "worker", store.url, ledger.record, settings);
    const behind = startedUnder(wrongClock("-1h"), "worker", store.url, ledger.record, settings);
    const workers = [ahead, behind];
    await eventually(() => workers.every(({ lines }) => lines.some(({ event }) => event === "booted")), "both are up");
    const count = `${pick(3, 40)}`;
    // Elsewhere a worker compares the due time, of the producer's clock, with its own: a job starts late or early by the difference.
    const leasesByClocks = target.name !== "postgres";
    const delayMs = `${leasesByClocks ? 0 : DELAY_MS}`;
    const beganAt = Date.now();
    const producers = [
      startedUnder(wrongClock("+1h"), "clock/producer", store.url, ledger.promised, count, delayMs),
      startedUnder(wrongClock("-1h"), "clock/producer", store.url, ledger.promised, count, delayMs),
      started("clock/producer", store.url, ledger.promised, count, delayMs),
    ];
    const codes = await Promise.all(producers.map(({ ended }) => ended));
    const lost = await ledger.settle();
    // What a handler wrote is by its worker's clock.
    const skewOf = (pid: number): number => (pid === ahead.pid ? HOUR_MS : -HOUR_MS);
    const delayed = new Set(readLines(`${ledger.promised}.delayed`));
    const early = ledger
      .deeds("start")
      .filter(({ id, at, pid }) => delayed.has(id) && at - skewOf(pid) < beganAt + Number(delayMs));
    const lostLeases = workers.flatMap(({ lines }) => lines.filter(({ event }) => event === "lease_lost"));
    const ran = workers.map(({ pid }) => ledger.deeds("end").filter((deed) => deed.pid === pid).length);
    return {
      accepted: ledger.accepted().length,
      lost,
      duplicated: ledger.duplicated(),
      violations: [
        ...codes.filter((code) => code !== 0).map((code) => `a producer with a wrong clock ended with ${code}`),
        ...lostLeases.map(({ id }) => `job ${String(id)} lost its lease`),
        ...early.map(({ id }) => `job ${id} started before its delay had passed`),
        ...ran.filter((jobs) => jobs === 0).map(() => "one of the workers ran no job"),
        ...(timesMoreThanOnce(ledger.deeds("start").map(({ id }) => id)) > 0 ? ["a job was started twice"] : []),
      ],
    };
  },
};
