import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, derivedId, type StoredFlow } from "@waybill/core";
import { expect, test } from "vitest";
import { expectedStates, flowStep, idOf, places } from "../src/flows/shape.ts";
import type { StepLine } from "../src/flows/worker.ts";
import type { Running } from "../src/process.ts";
import { readLines } from "../src/record.ts";
import { cutTo, isFull } from "./cut.ts";
import { freshStore, started } from "./stores.ts";

const KILLS = isFull ? 50 : 3;
const FLOWS = isFull ? 200 : 4;
const WORKERS = isFull ? 3 : 1;
const LIMIT_MS = isFull ? 900_000 : 120_000;

for (const target of cutTo("sqlite")) {
  test(
    `on ${target.name}, workers and the producer are killed at random points of ${FLOWS} flows: each ends as it must, and nothing runs before its time`,
    { timeout: LIMIT_MS + 60_000 },
    async () => {
      const store = await freshStore(target);
      const record = join(store.folder, "steps");
      // The brokers keep no records: they borrow a ledger.
      const ledger = target.keepsWorkerRegistry ? "" : `sqlite:${join(store.folder, "ledger.db")}`;
      const jobs = await connect(store.url, { log: "off", jobs: [flowStep], ...(ledger !== "" && { ledger }) });
      const everyWorker: Running[] = [];
      const startWorker = (): Running => {
        const worker = started("flows/worker", store.url, record, ledger);
        everyWorker.push(worker);
        return worker;
      };
      const startProducer = (): Running => started("flows/producer", store.url, String(FLOWS), ledger);
      const isBegun = ({ lines }: Running): boolean =>
        lines.some(({ event }) => event === "booted" || event === "begun");
      const killed = new Set<number>();
      let producer = startProducer();
      const workers = Array.from({ length: WORKERS }, startWorker);

      for (let kill = 0; kill < KILLS; kill += 1) {
        const at = kill % WORKERS;
        const isProducer = kill % 3 === 1;
        const victim = isProducer ? producer : (workers[at] as Running);
        // One that has not begun proves nothing.
        for (let waited = 0; !isBegun(victim) && waited < 30_000; waited += 10) await sleep(10);
        await sleep(Math.random() * 400);
        killed.add(victim.pid);
        victim.kill("SIGKILL");
        if (isProducer) producer = startProducer();
        else workers[at] = startWorker();
      }
      await producer.ended;
      const ids = Array.from({ length: FLOWS }, (_, number) => derivedId(idOf(number)));
      const flows: (StoredFlow | null)[] = [];
      const until = performance.now() + LIMIT_MS;
      for (const id of ids) {
        for (;;) {
          const flow = await jobs.flows.get(id);
          if ((flow !== null && flow.endedAt !== null) || performance.now() > until) {
            flows.push(flow);
            break;
          }
          await sleep(100);
        }
      }
      for (const worker of workers) worker.kill("SIGKILL");
      await jobs.close();

      const wrong = flows.flatMap((flow, number) => {
        const states = expectedStates(number);
        const state = states.every((one) => one === "completed") ? "completed" : "failed";
        const isRight = flow?.state === state && flow.members.every((member, at) => member.state === states[at]);
        return isRight ? [] : [{ number, state: flow?.state, members: flow?.members.map((member) => member.state) }];
      });
      expect(wrong).toEqual([]);

      const lines = readLines(record).map((line) => JSON.parse(line) as StepLine);
      const lost = new Set(
        everyWorker.flatMap((worker) => worker.lines.flatMap(({ event, id }) => (event === "lease_lost" ? [id] : []))),
      );
      const ended = new Set<string>();
      const lastPid = new Map<string, number>();
      let again = 0;
      for (const { what, flow, at, id, pid } of lines) {
        if (what === "end") {
          ended.add(`${flow}/${at}`);
          continue;
        }
        const early = places[at]?.after.filter(
          (before) => !ended.has(`${flow}/${before}`) && expectedStates(flow)[before] !== "dependency_dead",
        );
        expect([flow, at, early]).toEqual([flow, at, []]);
        const before = lastPid.get(id);
        // A member runs again only when its worker was killed, or has lost its lease, before the end was stored.
        if (before !== undefined && target.uniqueIds)
          expect([id, killed.has(before) || lost.has(id)]).toEqual([id, true]);
        if (before !== undefined) again += 1;
        lastPid.set(id, pid);
      }
      console.log(
        `${target.name}: ${KILLS} kills, ${FLOWS} flows of ${places.length}, ${lastPid.size} members run, ${again} again after a kill`,
      );
    },
  );
}
