// Runs outside of Next, which has no place for a process that never ends: `npm run worker`.
import { connect } from "@waybill/core";
import { sendReceipt } from "./jobs.ts";

const jobs = await connect(process.env.WAYBILL_URL ?? "sqlite:./waybill.db", { jobs: [sendReceipt] });
await jobs.worker({ jobs: [sendReceipt] }).run(); // until Ctrl-C or SIGTERM; running jobs finish first
