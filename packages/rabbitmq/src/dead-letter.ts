import type { DeadLetter, DeadLetterQuery } from "@waybill/core";
import type { Message as Delivered } from "amqplib";
import { countOf, header, numberOf, textOf } from "./label.ts";
import { queueOf } from "./topology.ts";

/** A message among the dead letters, read. One that the broker itself buried has no reason of ours. */
export function deadLetterOf({ content, properties }: Delivered, prefix: string): DeadLetter {
  const headers = properties.headers ?? {};
  const [death] = headers["x-death"] ?? [];
  const code = textOf(headers[header.deadCode]);
  const work = textOf(headers["x-first-death-queue"]) ?? "";
  return {
    id: textOf(properties.messageId) ?? "",
    type: textOf(properties.type) ?? "",
    queue: textOf(headers[header.queue]) ?? queueOf(work, prefix) ?? work,
    reason:
      code === null ? buriedByBroker(death?.reason) : { code, message: textOf(headers[header.deadMessage]) ?? "" },
    attempt: countOf(headers[header.attempt], 1),
    diedAt: numberOf(headers[header.diedAt]) ?? (death?.time.value ?? 0) * 1_000,
    // Bytes that are no UTF-8 are shown as far as they can be; a replay sends them as they are.
    body: content.toString(),
  };
}

function buriedByBroker(why: string | undefined) {
  const message = "the broker gave up: more deliveries ended unsettled than the queue's delivery limit allows";
  return { code: "WORKER_LOST", message: why === "delivery_limit" ? message : `the broker buried it (${why ?? "?"})` };
}

/** Newest first, as many as asked for. */
export function choose<T extends { readonly letter: DeadLetter }>(all: readonly T[], query: DeadLetterQuery): T[] {
  const { queue, ids, limit = 100 } = query;
  const wanted = ids === undefined ? null : new Set(ids);
  return all
    .filter(({ letter }) => (queue === undefined || letter.queue === queue) && (wanted?.has(letter.id) ?? true))
    .toSorted((a, b) => b.letter.diedAt - a.letter.diedAt)
    .slice(0, limit);
}
