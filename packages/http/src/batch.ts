import type { Jobs } from "@waybill/core";
import type { Inside } from "./door.ts";
import { PushRefused, tellRefused } from "./problem.ts";
import { header, type Push } from "./push.ts";
import { notNow, storeBody, type Stored, storing } from "./store.ts";

const MOST_LINES = 100;
const NDJSON = /^application\/x-ndjson\s*(;|$)/i;

/** Behind a door whose requests hold an envelope a line, each stored or refused for itself. What is no batch is refused whole. */
export function createBatch(to: Jobs): Inside {
  return storing(async ({ body }, push) => {
    const lines = linesOf(body, push);
    const results = await Promise.all(lines.map((line) => storeBody(to, line, null)));
    const [first] = results;
    if (first !== undefined && !first.ok && first.now && results.every(isNotNow)) throw notNow(first);
    for (const result of results) if (!result.ok) tellRefused(to.events, push, { status: 503, ...result });
    const headers = { "content-type": "application/json", "waybill-outcome": "completed" };
    return { status: 200, headers, body: JSON.stringify({ results: results.map(asTold) }) };
  });
}

function linesOf(body: string, { headers }: Push): readonly string[] {
  const type = header(headers, "content-type") ?? "none";
  if (!NDJSON.test(type)) throw refuse(415, `the content type is ${type}, a batch is application/x-ndjson`);
  const lines = (body.endsWith("\n") ? body.slice(0, -1) : body).split("\n", MOST_LINES + 1);
  if (lines.length > MOST_LINES) throw refuse(413, `the batch has more than ${MOST_LINES} lines`);
  const empty = lines.findIndex((line) => line.trim() === "");
  if (empty !== -1) throw refuse(400, `line ${empty + 1} of the batch is empty`);
  return lines;
}

const isNotNow = (result: Stored): boolean => !result.ok && result.now;

/** Where the backend is, is not told. */
function asTold(result: Stored): Record<string, unknown> {
  if (result.ok) return { id: result.id, stored: result.stored };
  return { code: result.code, message: result.now ? "not stored now; send it again" : result.message };
}

function refuse(status: number, why: string): PushRefused {
  return new PushRefused(status, "BATCH_INVALID", why);
}
