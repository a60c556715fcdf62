/** One process with several producers that race for the same keys. Arguments: URL, record file, then JSON settings. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, isWaybillError } from "@waybill/core";
import { writeSynced } from "../record.ts";
import { type Payload, type UniqueDeed, uniqueJobs } from "./jobs.ts";

interface Settings {
  readonly producers: number;
  /** How many times each of them enqueues. */
  readonly times: number;
  readonly keys: number;
  readonly ledger?: string;
}

const [url = "", record = "", json = "{}"] = process.argv.slice(2);
const { producers, times, keys, ledger } = JSON.parse(json) as Settings;
const write = (deed: UniqueDeed): void => writeSynced(record, JSON.stringify(deed));
const definitions = uniqueJobs(async () => {});
const jobs = await connect(url, { log: "off", ...(ledger !== undefined && { ledger }) });
const ends = ["well", "well", "well", "failed", "dead"] as const;
const any = (count: number): number => Math.floor(Math.random() * count);

async function produce(): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const definition = definitions[any(definitions.length)];
    if (definition === undefined) return;
    const payload: Payload = { key: `k${any(keys)}`, ms: any(30), ends: ends[any(ends.length)] ?? "well" };
    await sleep(any(60));
    const askedAt = Date.now();
    try {
      const { id, stored, replaced } = await jobs.enqueue(definition, payload);
      if (!stored) continue;
      const deed = { what: "stored", id, type: definition.type, key: payload.key, at: Date.now(), askedAt } as const;
      write(replaced === undefined ? deed : { ...deed, replaced });
    } catch (error) {
      if (!isWaybillError(error, "DUPLICATE_JOB")) throw error;
    }
  }
}

await Promise.all(Array.from({ length: producers }, produce));
await jobs.close();
