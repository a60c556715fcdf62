/** One producer process. Arguments: URL, file for the ids it was promised, queue, how many. */
import { appendFileSync } from "node:fs";
import { connect } from "@waybill/core";
import { blink } from "./jobs.ts";

const IN_FLIGHT = 50;
const [url = "", promised = "", queue = "default", count = "0"] = process.argv.slice(2);
const jobs = await connect(url, { log: "off" });
let left = Number(count);

async function line(): Promise<void> {
  while (left-- > 0) {
    const { id } = await jobs.enqueue(blink, { text: "x".repeat(200) }, { queue });
    appendFileSync(promised, `${id}\n`);
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, line));
await jobs.close();
