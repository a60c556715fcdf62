import type { JobState } from "@waybill/core";
import type { JobQuery, DeadLetterQuery } from "./queries.ts";
import { Refusal } from "../refusal.ts";

/** Filters and payloads are small; the largest is the payload of a copy. */
const MOST_BYTES = 1_048_576;

export type Input = Readonly<Record<string, unknown>>;

/** Returns the JSON object of a request. Rejects a refusal for anything else, and for more than 1 MiB. */
export async function bodyOf(request: Request): Promise<Input> {
  const text = await textOf(request);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("the body is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("the body is no object");
  return value as Input;
}

async function textOf(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Refusal(413, "TOO_LARGE", `the body is longer than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Returns a text of the input. Throws a refusal where it is none. */
export function textIn(input: Input, name: string): string {
  const value = input[name];
  if (typeof value !== "string" || value === "") throw invalid(`"${name}" is no text`);
  return value;
}

/** Returns a list of 1 to 1,000 texts of the input. Throws a refusal where it is none. */
export function textsIn(input: Input, name: string): string[] {
  const value = input[name];
  const isList = Array.isArray(value) && value.length >= 1 && value.length <= 1_000;
  if (!isList || !value.every((one) => typeof one === "string"))
    throw invalid(`"${name}" is no list of 1 to 1,000 texts`);
  return value as string[];
}

/** Returns the filter of jobs in a query string. What cannot be one is refused by `list`. */
export function jobQueryOf(query: URLSearchParams, redacts: boolean): JobQuery {
  const text = query.get("text") || undefined;
  if (text !== undefined && redacts) {
    throw invalid("payloads are not searched where members of them are redacted: a search would find what they hold");
  }
  const since = query.get("since");
  const named = {
    queue: query.get("queue") || undefined,
    type: query.get("type") || undefined,
    tenant: query.get("tenant") || undefined,
    // One that does not exist is refused by the call.
    state: (query.get("state") || undefined) as JobState | undefined,
    text,
    since: since ? Number(since) : undefined,
    after: query.get("after") || undefined,
  };
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  return { ...(Object.fromEntries(given) as JobQuery), limit: limitOf(query, 100, 500) };
}

/** Returns the filter of dead letters in a query string. */
export function deadQueryOf(query: URLSearchParams): DeadLetterQuery {
  const names = ["queue", "type", "code"] as const;
  const given = names.map((name) => [name, query.get(name) || undefined] as const).filter(([, value]) => value);
  return { ...(Object.fromEntries(given) as DeadLetterQuery), limit: limitOf(query, 1_000, 5_000) };
}

function limitOf(query: URLSearchParams, usual: number, most: number): number {
  const limit = Number(query.get("limit") ?? usual);
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw invalid(`"limit" is no whole number from 1 to ${most}`);
}

export const invalid = (message: string): Refusal => new Refusal(400, "REQUEST_INVALID", message);
