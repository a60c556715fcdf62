import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, isWaybillError } from "@waybill/core";
import { expect, test } from "vitest";
import { eventually, type Running } from "../src/process.ts";
import { uniqueFaults } from "../src/unique/faults.ts";
import { readUnique, uniqueJobs } from "../src/unique/jobs.ts";
import { cutTo, isFull } from "./cut.ts";
import { freshStore, started } from "./stores.ts";

const ENQUEUES = isFull ? 10_000 : 400;
const KEYS = isFull ? 100 : 20;
const PROCESSES = 4;
const PRODUCERS = 5;

/** The packages of PostgreSQL and Redis have races of their own. */
for (const target of cutTo("sqlite", "rabbitmq")) {
  test(
    `on ${target.name}, ${PROCESSES * PRODUCERS} producers race for keys while workers are killed: no two jobs have one key, none is lost, and no key stays taken`,
    { timeout: isFull ? 900_000 : 300_000 },
    async () => {
      const store = await freshStore(target);
      const record = join(store.folder, "deeds");
      // Where the store keeps no keys, a file does.
      const ledger = target.keepsWorkerRegistry ? {} : { ledger: `sqlite:${join(store.folder, "ledger.db")}` };
      const jobs = await connect(store.url, { log: "off", ...ledger });
      const work = (): Running =>
        started("unique/worker", store.url, record, JSON.stringify({ ...ledger, lease: "2s" }));
      const workers = [work(), work()];
      await eventually(() => workers.every(({ lines }) => lines.some(({ event }) => event === "booted")), "workers");
      const times = ENQUEUES / PROCESSES / PRODUCERS;
      const settings = JSON.stringify({ producers: PRODUCERS, times, keys: KEYS, ...ledger });
      const producers = Array.from({ length: PROCESSES }, () =>
        started("unique/producer", store.url, record, settings),
      );
      const race = { isOn: true };
      const raced = Promise.all(producers.map(({ ended }) => ended)).finally(() => (race.isOn = false));
      const kills: number[] = [];
      while (race.isOn) {
        const at = kills.length % workers.length;
        const victim = workers[at] as Running;
        // One that has not begun proves nothing.
        await eventually(() => !race.isOn || victim.lines.some(({ event }) => event === "booted"), "a worker");
        await sleep(300);
        kills.push(Date.now());
        victim.kill("SIGKILL");
        workers[at] = work();
      }
      expect(await raced).toEqual(Array.from({ length: PROCESSES }, () => 0));
      await eventually(
        () => uniqueFaults(readUnique(record), kills).every((fault) => !fault.endsWith("never ran")),
        "every job that was stored has run",
        isFull ? 240_000 : 120_000,
      ).catch(() => undefined);
      // Names those that never ran.
      expect(uniqueFaults(readUnique(record), kills)).toEqual([]);

      // Those that died while they stored an end are taken for a minute at most where a ledger keeps the keys.
      for (const definition of uniqueJobs(async () => {})) {
        for (let key = 0; key < KEYS; key += 1) {
          const payload = { key: `k${key}`, ms: 0, ends: "well" } as const;
          const isFree = (): Promise<boolean> =>
            jobs
              .enqueue(definition, payload, { unique: { onConflict: "reject" }, delay: "1m" })
              .then(() => true)
              .catch((error: unknown) => {
                if (isWaybillError(error, "DUPLICATE_JOB")) return false;
                throw error;
              });
          await expect.poll(isFree, { timeout: 100_000, interval: 250, message: `key k${key} is free` }).toBe(true);
        }
      }
      const deeds = readUnique(record);
      const stored = deeds.filter(({ what }) => what === "stored");
      const replaced = stored.filter((deed) => deed.replaced !== undefined);
      console.log(
        `${target.name}: ${ENQUEUES} enqueues, ${stored.length} stored, ${replaced.length} replaced, ${kills.length} workers killed`,
      );
      expect(stored.length).toBeGreaterThan(KEYS);
      await jobs.close();
    },
  );
}
