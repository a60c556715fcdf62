import type { Producer } from "@waybill/core";
import type { DeliveryProcessor } from "../endpoint/endpoint.ts";
import { emitRefused } from "../push/problem.ts";
import { PushRefused } from "../push/push-refused.ts";
import { header, type PushRequest } from "../push/push-request.ts";
import { storeBody, storedMembers, type StoreResult, unavailable } from "./store-result.ts";
import { StoredRequests } from "./stored-requests.ts";
import { limited } from "./storing-processor.ts";

const MAX_LINES = 100;
const NDJSON = /^application\/x-ndjson[ \t]*(;|$)/i;
const EMPTY = /^[ \t\r]*$/;

/**
 * Returns a processor of batches: one envelope per line, each stored or refused on its own. A body that is no batch is
 * refused as a whole with `BATCH_INVALID`. If no line could be stored because the backend failed, the response is 503.
 */
export function createBatchProcessor(to: Producer): DeliveryProcessor {
  const requests = new StoredRequests();
  return limited(async ({ body, replayProtection }, request) => {
    const lines = linesOf(body, request);
    const store = (line: string) => requests.storeOnce(replayProtection, line, () => storeBody(to, line, null));
    const results = await Promise.all(lines.map(store));
    const [first] = results;
    if (first !== undefined && !first.ok && first.transient && results.every(isTransient)) throw unavailable(first);
    for (const result of results) if (!result.ok) emitRefused(to.events, request, { status: 503, ...result });
    const headers = { "content-type": "application/json", "waybill-outcome": "completed" };
    return { status: 200, headers, body: JSON.stringify({ results: results.map(toJson) }) };
  });
}

function linesOf(body: string, { headers }: PushRequest): readonly string[] {
  const type = header(headers, "content-type") ?? "none";
  if (!NDJSON.test(type)) throw invalid(415, `the content type is ${type}, a batch is application/x-ndjson`);
  const lines = (body.endsWith("\n") ? body.slice(0, -1) : body).split("\n", MAX_LINES + 1);
  if (lines.length > MAX_LINES) throw invalid(413, `the batch has more than ${MAX_LINES} lines`);
  const empty = lines.findIndex((line) => EMPTY.test(line));
  if (empty !== -1) throw invalid(400, `line ${empty + 1} of the batch is empty`);
  return lines;
}

const isTransient = (result: StoreResult): boolean => !result.ok && result.transient;

/** Leaves out a backend's own message: it may contain the backend's address. */
function toJson(result: StoreResult): Record<string, unknown> {
  if (result.ok) return storedMembers(result);
  return { code: result.code, message: result.transient ? "not stored now; send it again" : result.message };
}

function invalid(status: number, why: string): PushRefused {
  return new PushRefused(status, "BATCH_INVALID", why);
}
