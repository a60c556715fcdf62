import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { inProcess, targets } from "../src/backends.ts";
import { freshStore } from "./stores.ts";

const theirs = new AsyncLocalStorage<string>();

for (const target of [inProcess, ...targets]) {
  for (const concurrency of [1, 8]) {
    test(`R1: on ${target.name}, what jobs 1 and 3 set by enterWith is gone in every other, at concurrency ${concurrency}`, async () => {
      const seen: (string | undefined)[] = [];
      const leaky = defineJob({
        type: "leaky",
        async handler(payload) {
          seen.push(theirs.getStore());
          const { n } = payload as { n: number };
          if (n === 1 || n === 3) theirs.enterWith(`left by job ${n}`);
          if (n === 2) await sleep(5);
        },
      });
      const store = await freshStore(target);
      const jobs = await connect(target.factory(store.url), { log: "off" });
      const all = new Promise<void>((resolve) => {
        let settled = 0;
        jobs.events.on("settled", () => ++settled === 5 && resolve());
      });
      for (let n = 1; n <= 5; n++) await jobs.enqueue(leaky, { n });
      await jobs.worker({ jobs: [leaky], concurrency }).start();
      await all;
      await jobs.close();
      expect(seen).toEqual([undefined, undefined, undefined, undefined, undefined]);
    }, 90_000);
  }
}
