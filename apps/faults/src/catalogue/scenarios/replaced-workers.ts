import { setTimeout as sleep } from "node:timers/promises";
import { eventually, type Running } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { everywhere, none, type Scenario } from "../frame/scenario.ts";

const WORKERS = 3;

export const rollingDeploy: Scenario = {
  name: "rolling deploy",
  promise:
    "While producers go on and each worker in turn is stopped by SIGTERM and replaced, no job is lost, none runs twice, and no attempt is spent.",
  rows: [],
  on: everywhere,
  cut: ["sqlite", "rabbitmq"],
  duplicates: none,
  // drain 1 s, abort 1 s, close 2 s.
  exitLimitMs: 4_000,
  load: "works",
  server: "shared",
  async run({ freshStore, started, pick, random }) {
    const rounds = pick(1, 5);
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const settings = JSON.stringify({ queues: ["default"], concurrency: 20, lease: "30s" });
    const work = (): Running => started("worker", store.url, ledger.record, settings);
    const workers = Array.from({ length: WORKERS }, work);
    const isUp = (worker: Running): boolean => worker.lines.some(({ event }) => event === "booted");
    await eventually(() => workers.every(isUp), "the old workers are up");
    const producer = started("producer", store.url, ledger.promised, "default", "1000000", "persistent", "100");
    await eventually(() => ledger.deeds("end").length > 50, "they are at work");
    const exitsMs: number[] = [];
    const codes: (number | string)[] = [];
    const left: Running[] = [];
    for (let turn = 0; turn < rounds * WORKERS; turn += 1) {
      const old = workers[turn % WORKERS] as Running;
      const fresh = work();
      await eventually(() => isUp(fresh), "the new worker is up");
      await sleep(random() * 200);
      const asked = performance.now();
      old.kill("SIGTERM");
      codes.push(await old.ended);
      exitsMs.push(performance.now() - asked);
      left.push(old);
      workers[turn % WORKERS] = fresh;
    }
    const before = ledger.deeds("end").length;
    await eventually(() => ledger.deeds("end").length > before + 50, "the new workers are at work");
    producer.kill("SIGKILL");
    await producer.ended;
    const lost = await ledger.settle();
    const unfinished = left.filter(({ lines }) => lines.at(-1)?.["unfinished"] !== 0).length;
    return {
      accepted: ledger.accepted().length,
      lost,
      duplicated: ledger.duplicated(),
      exitsMs,
      violations: [
        ...codes.filter((code) => code !== 0).map((code) => `a worker that was replaced ended with ${code}`),
        ...(unfinished === 0 ? [] : [`${unfinished} workers left jobs unfinished`]),
        ...(ledger.deeds().every(({ attempt }) => attempt === 1) ? [] : ["a job was run as another attempt"]),
      ],
    };
  },
};
