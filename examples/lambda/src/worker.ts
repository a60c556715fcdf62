import { sqsHandler } from "@waybill/sqs";
import { sendReceipt } from "./jobs.ts";

// Lambda leases, deletes and redelivers the messages. The trigger needs ReportBatchItemFailures: see template.yaml.
export const handler = sqsHandler({ jobs: [sendReceipt] });
