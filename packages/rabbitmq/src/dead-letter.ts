import type { DeadLetter, DeadLetterQuery } from "@waybill/core";
import type { Message as Delivered } from "amqplib";
import { countOf, isQueueName, momentOf, numberOf, textOf } from "@waybill/core/backend";
import { header } from "./label.ts";
import { queueOf } from "./topology.ts";

/**
 * A message among the dead letters, read: any program may have put it there, with headers of any type. One that the
 * broker itself buried has no reason of ours.
 */
export function deadLetterOf({ content, properties }: Delivered, prefix: string): DeadLetter {
  const headers: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const death = deathIn(headers["x-death"]);
  const code = textOf(headers[header.deadCode]);
  const work = textOf(headers["x-first-death-queue"]) ?? "";
  const queue = textOf(headers[header.queue]) ?? queueOf(work, prefix) ?? work;
  const known = isQueueName(queue);
  return {
    id: textOf(properties.messageId) ?? "",
    type: textOf(properties.type) ?? "",
    queue: known ? queue : "",
    reason: code === null ? buriedByBroker(death.reason) : { code, message: textOf(headers[header.deadMessage]) ?? "" },
    attempt: countOf(headers[header.attempt], 1),
    diedAt: momentOf(headers[header.diedAt]) ?? death.at,
    // Bytes that are no UTF-8 are shown as far as they can be; a replay sends them as they are.
    body: content.toString(),
    ...(!known && { damage: `its headers name no queue of ours to go back to (${shownQueue(queue)})` }),
  };
}

const shownQueue = (queue: string): string => (queue === "" ? "none" : JSON.stringify(queue.slice(0, 80)));

interface Death {
  readonly reason: string | null;
  /** Unix milliseconds; null where the broker does not tell. */
  readonly at: number | null;
}

/** The latest death that the broker has noted; its time is a timestamp in seconds. */
function deathIn(deaths: unknown): Death {
  const first: unknown = Array.isArray(deaths) ? deaths[0] : null;
  if (!isTable(first)) return { reason: null, at: null };
  const time = first["time"];
  const seconds = numberOf(isTable(time) ? time["value"] : null);
  return { reason: textOf(first["reason"]), at: seconds === null ? null : momentOf(seconds * 1_000) };
}

const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

function buriedByBroker(why: string | null) {
  if (why === "expired") {
    const text = "a policy of the broker (message-ttl) ended its wait; take the policy off this queue, then replay it";
    return { code: "EXPIRED", message: text };
  }
  const message = "the broker gave up: more deliveries ended unsettled than the queue's delivery limit allows";
  return { code: "WORKER_LOST", message: why === "delivery_limit" ? message : `the broker buried it (${why ?? "?"})` };
}

/** Newest first, as many as asked for. */
export function choose<T extends { readonly letter: DeadLetter }>(all: readonly T[], query: DeadLetterQuery): T[] {
  const { queue, ids, limit = 100 } = query;
  const wanted = ids === undefined ? null : new Set(ids);
  return all
    .filter(({ letter }) => (queue === undefined || letter.queue === queue) && (wanted?.has(letter.id) ?? true))
    .toSorted((a, b) => (b.letter.diedAt ?? 0) - (a.letter.diedAt ?? 0))
    .slice(0, limit);
}
