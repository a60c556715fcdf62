import { type Answer, isWaybillError, type Receipt, WaybillError } from "@waybill/core";
import { type Message, notStored } from "@waybill/core/backend";
import type { Query } from "./database.ts";
import { idConflict, wasRefused } from "./errors.ts";
import { arrayLiteral, columnsOf } from "./label.ts";

export interface Limits {
  readonly maxBatch: number;
  readonly maxBodyBytes: number;
  readonly maxDelayMs: number;
}

/** Stores messages in one statement of `query`'s. Answers per message, in order. `told`: queues to name to those who wait. */
export type Enqueue = (
  query: Query,
  messages: readonly Message[],
  told: readonly string[],
) => Promise<Answer<Receipt>[]>;

export function createEnqueue(schema: string, limits: Limits): Enqueue {
  const insert = `SELECT enqueue AS id FROM "${schema}".enqueue($1::text::text[], $2::text::text[], $3::text::text[],
    $4::text::smallint[], $5::text::float8[], $6::text::text[], $7::text::text[], $8::text::bigint[], $9::text::text[],
    $10::text::text[])`;
  const known = `SELECT id, body FROM "${schema}".jobs WHERE id = ANY ($1::text::text[])
    UNION ALL SELECT id, body FROM "${schema}".dead WHERE id = ANY ($1::text::text[]) AND NOT rejected`;

  async function insertAll(query: Query, messages: readonly Message[], told: readonly string[]): Promise<Set<string>> {
    const rows = await query(insert, [...columnsOf(messages), arrayLiteral(told)]).catch((thrown: unknown) => {
      throw isWaybillError(thrown) && wasRefused(thrown) ? notStored(thrown) : thrown;
    });
    return new Set(rows.map((row) => (row as { id: string }).id));
  }

  async function bodiesOf(query: Query, messages: readonly Message[]): Promise<Map<string, string>> {
    const rows = await query(known, [arrayLiteral(messages.map(({ id }) => id))]);
    return new Map((rows as readonly { id: string; body: string }[]).map(({ id, body }) => [id, body]));
  }

  return async (query, messages, told) => {
    const refusals = messages.map((message, index) => refusalOf(message, index, limits));
    const sound = messages.filter((_, index) => refusals[index] === null);
    const stored = sound.length > 0 ? await insertAll(query, sound, told) : new Set<string>();
    const left = stored.size < sound.length ? sound.filter(({ id }) => !stored.has(id) || isDouble(sound, id)) : [];
    const bodies = left.length > 0 ? await bodiesOf(query, left) : new Map<string, string>();
    return messages.map((message, index): Answer<Receipt> => {
      const { id } = message;
      const refusal = refusals[index];
      if (refusal) return { ok: false, error: refusal };
      if (stored.delete(id)) return { ok: true, value: { id, stored: true } };
      const body = bodies.get(id);
      // Absent: the job was there and has finished since.
      if (body === undefined || body === message.body) return { ok: true, value: { id, stored: false } };
      return { ok: false, error: idConflict(id) };
    });
  };
}

const isDouble = (messages: readonly Message[], id: string): boolean =>
  messages.filter((message) => message.id === id).length > 1;

function refusalOf(message: Message, index: number, limits: Limits): WaybillError | null {
  const { id, body, delayMs } = message;
  const refuse = (text: string): WaybillError => new WaybillError("CAPABILITY_MISSING", `job "${id}" ${text}`);
  if (index >= limits.maxBatch)
    return refuse(`is beyond the ${limits.maxBatch} messages taken at once; split the batch`);
  if (delayMs > limits.maxDelayMs)
    return refuse(`is delayed by more than ${limits.maxDelayMs} ms; give a shorter delay`);
  if (body.includes("\0")) return refuse("has the character U+0000 in its body, which text cannot hold; escape it");
  // UTF-8 takes at most three bytes a UTF-16 unit, so most bodies need no count.
  if (body.length * 3 <= limits.maxBodyBytes) return null;
  const bytes = Buffer.byteLength(body);
  if (bytes <= limits.maxBodyBytes) return null;
  return refuse(
    `has a body of ${bytes} bytes, the limit is ${limits.maxBodyBytes}; store the data elsewhere and enqueue a reference`,
  );
}
