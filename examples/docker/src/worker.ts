import { connect } from "@waybill/core";
import { buildReport } from "./jobs.ts";

const { WAYBILL_URL } = process.env;
if (WAYBILL_URL === undefined) throw new Error("WAYBILL_URL is not set");

const jobs = await connect(WAYBILL_URL, { jobs: [buildReport] });
// `docker stop` sends SIGTERM: the worker leases no more jobs, and ends once its running jobs have.
await jobs.worker({ jobs: [buildReport], concurrency: 5 }).run();
