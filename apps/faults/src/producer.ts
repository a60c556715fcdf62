/**
 * One producer process. Arguments: URL, file for the ids it was promised, queue, how many; with "persistent" it tries a
 * refused job again until as many were accepted. Last, how long each of its 50 loops pauses after a job, in ms; absent: not
 * at all.
 */
import { flushCompileCache } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@waybill/core";
import { blink } from "./jobs.ts";
import { writeSynced } from "./record.ts";

const IN_FLIGHT = 50;
const [url = "", promised = "", queue = "default", count = "0", persistent, restMs = "0"] = process.argv.slice(2);
const jobs = await connect(url, { log: "off" });
// Most of those who start this kill it: the next one need not compile it again.
flushCompileCache();
let left = Number(count);

async function line(): Promise<void> {
  while (left-- > 0) {
    try {
      const { id } = await jobs.enqueue(blink, { text: "x".repeat(200) }, { queue });
      writeSynced(promised, id);
      if (restMs !== "0") await sleep(Number(restMs));
    } catch (error) {
      if (persistent !== "persistent") throw error;
      left += 1;
      await sleep(100);
    }
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, line));
await jobs.close();
