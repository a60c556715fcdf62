/** A worker that runs members of flows. Arguments: URL, record file, then the URL of the ledger or "". */
import { connect, handlerFor } from "@waybill/core";
import { writeSynced } from "../record.ts";
import { flowStep, runStep, type Step } from "./shape.ts";

/** What a handler did, one line each. */
export interface StepLine extends Step {
  readonly what: "start" | "end";
  readonly id: string;
  readonly pid: number;
}

const [url = "", record = "", ledger = ""] = process.argv.slice(2);
const write = (what: StepLine["what"], step: Step, id: string): void =>
  writeSynced(record, JSON.stringify({ what, id, pid: process.pid, ...step } satisfies StepLine));

const job = handlerFor(flowStep, (step, run) => runStep(step, run, write));
const jobs = await connect(url, { ...(ledger !== "" && { ledger }) });
await jobs.worker({ jobs: [job], lease: "3s", concurrency: 10, shutdown: { drain: "1s", abort: "1s" } }).run();
process.exit(0);
