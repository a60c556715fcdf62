import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { Finding } from "@waybill/core";
import { clockFinding, member } from "@waybill/core/backend";
import type { Send } from "./client.ts";

/**
 * Compares the clock of SQS with that of this machine, by the `Date` of a response. Returns no finding where the response has none, as
 * behind some proxies.
 */
export async function clockFindings(send: Send, queueUrl: string): Promise<Finding[]> {
  const effect = "if this machine's is wrong, its workers start delayed jobs early or late by as much";
  let hasDate = true;
  const finding = await clockFinding("sqs.clock", effect, async () => {
    const at = await dateOf(send, queueUrl);
    hasDate = at !== null;
    return at ?? 0;
  });
  return hasDate ? [finding] : [];
}

async function dateOf(send: Send, queueUrl: string): Promise<number | null> {
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ["QueueArn"] });
  let date: unknown = null;
  command.middlewareStack.add(
    (next) => async (call) => {
      const result = await next(call);
      date = member(member(result.response, "headers"), "date");
      return result;
    },
    { step: "deserialize", name: "waybillServerClock" },
  );
  await send(command);
  const at = typeof date === "string" ? Date.parse(date) : Number.NaN;
  // The header has whole seconds.
  return Number.isNaN(at) ? null : at + 500;
}
