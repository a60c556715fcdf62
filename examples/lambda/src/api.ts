import type { LambdaFunctionURLEvent, LambdaFunctionURLResult } from "aws-lambda";
import { connectProducer, isWaybillError, type Producer } from "@waybill/core";
import { sendReceipt } from "./jobs.ts";

// Opened by the first request, and kept while this instance lives. A connection that failed is not kept.
let opened: Promise<Producer> | undefined;
const jobs = (): Promise<Producer> =>
  (opened ??= connectProducer(process.env.WAYBILL_URL ?? "").catch((error: unknown) => {
    opened = undefined;
    throw error;
  }));

export async function handler(event: LambdaFunctionURLEvent): Promise<LambdaFunctionURLResult> {
  try {
    const queue = await jobs();
    const { id } = await queue.enqueue(sendReceipt, JSON.parse(event.body ?? ""));
    return { statusCode: 202, body: JSON.stringify({ jobId: id }) };
  } catch (error) {
    const isWrong = isWaybillError(error, "PAYLOAD_INVALID") || error instanceof SyntaxError; // no JSON
    if (isWrong) return { statusCode: 400, body: error.message };
    throw error;
  }
}
