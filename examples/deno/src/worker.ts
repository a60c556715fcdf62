import { connect } from "@waybill/core";
import { sendReceipt } from "./jobs.ts";

const jobs = await connect(process.env.WAYBILL_URL ?? "sqlite:./waybill.db", { jobs: [sendReceipt] });
// Until Ctrl-C or SIGTERM. Running jobs may finish then, and it closes the connection. Start it as often as you like.
await jobs.worker({ jobs: [sendReceipt] }).run();
