/**
 * A producer whose clock may be wrong. Arguments: URL, file for the ids it was promised, how many naps, and how long half of them
 * are delayed, in ms; 0: none is.
 */
import { connect } from "@waybill/core";
import { nap } from "../jobs.ts";
import { writeSynced } from "../record.ts";

const [url = "", promised = "", count = "0", delayMs = "0"] = process.argv.slice(2);
const jobs = await connect(url, { log: "off" });
for (let n = 0; n < Number(count); n += 1) {
  const delay = n % 2 === 0 ? 0 : Number(delayMs);
  const { id } = await jobs.enqueue(nap, {}, { delay });
  writeSynced(promised, id);
  if (delay > 0) writeSynced(`${promised}.delayed`, id);
}
await jobs.close();
