/** Starts flows one after the other, those again that were started before. Arguments: URL, how many, then the URL of the ledger or "". */
import { connect } from "@waybill/core";
import { addMembers, flowStep, idOf } from "./shape.ts";

const [url = "", count = "0", ledger = ""] = process.argv.slice(2);
const jobs = await connect(url, { log: "off", jobs: [flowStep], ...(ledger !== "" && { ledger }) });
console.log('{"event":"begun"}');
for (let number = 0; number < Number(count); number += 1) {
  const flow = jobs.flow(`faults ${number}`, { id: idOf(number) });
  addMembers(flow, number);
  await flow.start();
}
await jobs.close();
