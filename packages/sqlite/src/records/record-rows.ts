import { RECORD_STATES, countOf, numberOf, type StoredRecord, textOf } from "@waybill/core/backend";
import { whole } from "../sql/columns.ts";

const NUMBERS = ["position", "enqueued_at", "at", "started_at", "ended_at", "rank", "replaces"];
const TEXTS = ["id", "type", "queue", "tenant", "state", "code", "payload", "message", "items"];

export const COLUMNS: string = [...NUMBERS.map((name) => `${whole(name)} AS ${name}`), ...TEXTS].join(", ");

type Row = Readonly<Record<string, unknown>>;

/** Another program may have written anything: what is not of its type counts as absent. */
export function recordOf(row: Row): StoredRecord {
  const state = RECORD_STATES.find((one) => one === row["state"]) ?? "waiting";
  return {
    id: textOf(row["id"]) ?? "",
    type: textOf(row["type"]) ?? "",
    queue: textOf(row["queue"]) ?? "",
    tenant: textOf(row["tenant"]),
    enqueuedAt: countOf(row["enqueued_at"], 0),
    payload: textOf(row["payload"]),
    state,
    code: textOf(row["code"]),
    message: textOf(row["message"]),
    at: countOf(row["at"], 0),
    startedAt: numberOf(row["started_at"]),
    endedAt: numberOf(row["ended_at"]),
    items: itemsOf(row["items"]),
  };
}

function itemsOf(value: unknown): Record<string, string> {
  try {
    const items = Object.entries(JSON.parse(String(value)) as object);
    return Object.fromEntries(items.filter((item): item is [string, string] => typeof item[1] === "string"));
  } catch {
    return {};
  }
}
