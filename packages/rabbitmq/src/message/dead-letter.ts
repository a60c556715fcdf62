import type { DeadLetterRecord, DeadReason } from "@waybill/core";
import { countOf, isQueueName, member, momentOf, numberOf, parseError, textOf } from "@waybill/core/backend";
import type { Message as Delivered } from "amqplib";
import { queueOf } from "../topology/topology.ts";
import { header } from "./label.ts";

/**
 * Returns a message of the dead-letter queue as a dead letter. Any program may have written it, with headers of any type.
 * A message that the broker dead-lettered has no reason of ours; its reason comes from the broker's headers.
 */
export function deadLetterOf({ content, properties }: Delivered, prefix: string): DeadLetterRecord {
  const headers: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const death = lastDeath(headers["x-death"]);
  const code = textOf(headers[header.deadCode]);
  const source = textOf(headers["x-first-death-queue"]) ?? "";
  const queue = textOf(headers[header.queue]) ?? queueOf(source, prefix) ?? source;
  const isKnown = isQueueName(queue);
  const error = parseError(headers[header.deadError]);
  const message = textOf(headers[header.deadMessage]) ?? "";
  const shown = queue === "" ? "none" : JSON.stringify(queue.slice(0, 80));
  return {
    id: textOf(properties.messageId) ?? "",
    type: textOf(properties.type) ?? "",
    queue: isKnown ? queue : "",
    reason: code === null ? reasonOfBroker(death.reason) : { code, message, ...(error && { error }) },
    attempt: countOf(headers[header.attempt], 1),
    diedAt: momentOf(headers[header.diedAt]) ?? death.at,
    // Bytes that are not UTF-8 are shown as far as possible. A replay sends them unchanged.
    body: content.toString(),
    ...(!isKnown && { damage: `its headers name no waybill queue to replay it to (${shown})` }),
  };
}

/** Returns the latest death in `x-death`, whose time is an AMQP timestamp in seconds. Null for what is not there. */
function lastDeath(deaths: unknown): { readonly reason: string | null; readonly at: number | null } {
  const death: unknown = Array.isArray(deaths) ? deaths[0] : null;
  const seconds = numberOf(member(member(death, "time"), "value"));
  return { reason: textOf(member(death, "reason")), at: seconds === null ? null : momentOf(seconds * 1_000) };
}

function reasonOfBroker(reason: string | null): DeadReason {
  if (reason === "expired") {
    const text =
      "a policy of the broker (message-ttl) ended its wait; remove the policy from this queue, then replay it";
    return { code: "EXPIRED", message: text };
  }
  const message =
    reason === "delivery_limit"
      ? "more deliveries ended without a settle than the queue's delivery limit allows"
      : `the broker dead-lettered it (${reason ?? "no reason given"})`;
  return { code: "WORKER_LOST", message };
}
