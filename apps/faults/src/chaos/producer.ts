/** One producer process of the chaos scenario. Arguments: URL, file for the ids it was promised, seed, jobs, lease in ms, rest in ms. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@waybill/core";
import { seeded } from "../random.ts";
import { writeSynced } from "../record.ts";
import { drawAct } from "./behaviour.ts";
import { act } from "./jobs.ts";

const [url = "", promised = "", seed = "1", count = "0", leaseMs = "2000", restMs = "50"] = process.argv.slice(2);
const random = seeded(Number(seed));
const jobs = await connect(url, { log: "off" });
const startedAt = performance.now();
const under: Promise<void>[] = [];

async function enqueue(): Promise<void> {
  const { id } = await jobs.enqueue(act, drawAct(random, Number(leaseMs)));
  writeSynced(promised, id);
}

for (let n = 0; n < Number(count); n++) {
  const early = startedAt + n * Number(restMs) - performance.now();
  if (early > 0) await sleep(early);
  under.push(enqueue());
}
await Promise.all(under);
await jobs.close();
