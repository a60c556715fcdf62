import { setTimeout as sleep } from "node:timers/promises";
import type { Proxy } from "@waybill/test-servers";
import { eventually } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { onServers, type Scenario } from "../frame/scenario.ts";

/** After a fault has ended, the first job must have run within this. */
const RECOVERY_MS = 15_000;
/** A job of each of the producer's lines, and what the worker runs and has prefetched. */
const IN_FLIGHT = 50 + 10 + 20;

const faults: readonly (readonly [what: string, start: (wire: Proxy) => void])[] = [
  ["the connections are reset", (wire) => wire.cut("reset")],
  ["no request arrives", (wire) => wire.cut("silence", "requests")],
  ["no reply arrives", (wire) => wire.cut("silence", "replies")],
  ["nothing arrives", (wire) => wire.cut("silence")],
  ["each request takes 300 ms more", (wire) => wire.delay(300, "requests")],
  ["each reply takes 300 ms more", (wire) => wire.delay(300, "replies")],
];

export const oneWayCuts: Scenario = {
  name: "one way cuts",
  promise:
    "When requests, replies or both are cut off or delayed under load, no accepted job is lost, and jobs run again within 15 s of the end of the fault.",
  rows: ["R29"],
  on: onServers,
  cut: ["postgres", "rabbitmq"],
  duplicates: {
    most: faults.length * IN_FLIGHT,
    why: "at each fault, the jobs in flight may have been stored or settled without a reply",
  },
  load: "works",
  server: "shared",
  async run({ target, freshStore, wired, started, pick }) {
    const store = await freshStore();
    const { wire, url } = await wired(store);
    const ledger = ledgerIn(store.folder);
    const settings = { queues: ["default"], lease: "3s", concurrency: 10, prefetch: 20 };
    const worker = started("worker", url, ledger.record, JSON.stringify(settings));
    const rest = `${Math.max(target.restMs, 100)}`;
    const producer = started("producer", url, ledger.promised, "default", "1000000", "persistent", rest);
    const violations: string[] = [];
    const ended = (): number => ledger.deeds("end").length;
    await eventually(() => ended() > 50, "work is under way");
    for (const [what, start] of faults) {
      start(wire);
      await sleep(pick(3_000, 10_000));
      wire.delay(0);
      wire.heal();
      const [healedAt, before] = [performance.now(), ended()];
      await eventually(() => ended() > before, `work goes on after "${what}"`);
      const tookMs = Math.round(performance.now() - healedAt);
      if (tookMs > RECOVERY_MS) violations.push(`after "${what}" the next job ran after ${tookMs} ms`);
    }
    producer.kill("SIGKILL");
    await producer.ended;
    const lost = await ledger.settle();
    if (worker.lines.some(({ event }) => event === "stopped")) violations.push("the worker stopped");
    return { accepted: ledger.accepted().length, lost, duplicated: ledger.duplicated(), violations };
  },
};
