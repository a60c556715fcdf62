import { DuplicateJobError, type Result, isWaybillError, type Receipt, WaybillError } from "@waybill/core";
import { createLimitCheck, idConflict, type Message, type MessageLimits, notStored } from "@waybill/core/backend";
import { arrayLiteral, type Query } from "../connection/query.ts";
import { wasRefused } from "../errors.ts";
import { refusingTrigger } from "../schema/foreign-triggers.ts";
import { limitKeysOf } from "./limit-keys.ts";

/**
 * Stores messages in one statement of `query` and returns a result for each, in order. `notified` names the queues whose
 * waiting workers are notified when it commits.
 */
export type Enqueue = (
  query: Query,
  messages: readonly Message[],
  notified: readonly string[],
) => Promise<Result<Receipt>[]>;

/** One row of `enqueue_keyed()`: a message that met another job. */
interface KeyedRow {
  /** Its place in the list, from 1. A bigint, which arrives as text. */
  readonly number: string;
  readonly stored: boolean;
  /** The job that has its unique key. Null with `stored` false: its id was there already. */
  readonly duplicate_of: string | null;
  readonly replaced: string | null;
}

/** What was stored of a list of messages: a receipt, a refusal, or null for an id that was there already. */
type Stored = readonly (Result<Receipt> | null)[];

export function createEnqueue(schema: string, limits: MessageLimits): Enqueue {
  const columns = `$1::text::text[], $2::text::text[], $3::text::text[], $4::text::smallint[], $5::text::float8[],
    $6::text::text[], $7::text::text[], $8::text::bigint[], $9::text::text[]`;
  const plain = `SELECT enqueue AS id FROM "${schema}".enqueue(${columns}, $10::text::text[])`;
  const keyed = `SELECT number, stored, duplicate_of, replaced FROM "${schema}".enqueue_keyed(${columns}, $10::text::text[],
    $11::text::text[], $12::text::text[], $13::text::float8[], $14::text::text[], $15::text::text[])`;
  const known = `SELECT id, body FROM "${schema}".jobs WHERE id = ANY ($1::text::text[])
    UNION ALL SELECT id, body FROM "${schema}".dead WHERE id = ANY ($1::text::text[]) AND NOT rejected`;

  async function insertPlain(query: Query, messages: readonly Message[], notified: string): Promise<Stored> {
    const rows = await query(plain, [...columnsOf(messages), notified]);
    const ids = new Set(rows.map((row) => (row as { id: string }).id));
    return messages.map(({ id }) => (ids.delete(id) ? receipt({ id, stored: true }) : null));
  }

  async function insertKeyed(query: Query, messages: readonly Message[], notified: string): Promise<Stored> {
    const rows = await query(keyed, [...columnsOf(messages), ...keyColumnsOf(messages), notified]);
    const found = new Map((rows as KeyedRow[]).map((row) => [Number(row.number), row]));
    return messages.map(({ id, unique }, index) => {
      const row = found.get(index + 1);
      if (row === undefined) return receipt({ id, stored: true });
      const { duplicate_of: duplicateOf, replaced } = row;
      if (row.stored) return receipt({ id, stored: true, ...(replaced !== null && { replaced }) });
      if (duplicateOf === null) return null;
      if (unique?.onConflict === "ignore") return receipt({ id, stored: false, duplicateOf });
      return { ok: false, error: new DuplicateJobError(id, duplicateOf) };
    });
  }

  async function bodiesOf(query: Query, ids: readonly string[]): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const rows = await query(known, [arrayLiteral(ids)]);
    return new Map((rows as readonly { id: string; body: string }[]).map(({ id, body }) => [id, body]));
  }

  return async (query, messages, notified) => {
    // Core splits by bytes, so the bytes of a batch need not be counted again.
    const check = createLimitCheck({ ...limits, maxBatchBytes: Infinity });
    const refusals = messages.map((message) => check(message) ?? refusalOf(message));
    const sound = messages.filter((_, index) => refusals[index] === null);
    const insert = sound.some(({ unique, limitKeys }) => unique ?? limitKeys) ? insertKeyed : insertPlain;
    const stored = sound.length === 0 ? [] : await insert(query, sound, arrayLiteral(notified)).catch(markNotStored);
    const taken = sound.filter((_, index) => stored[index] === null).map(({ id }) => id);
    const bodies = await bodiesOf(query, taken);
    const trigger = taken.every((id) => bodies.has(id)) ? null : await refusingTrigger(query, schema);
    let next = 0;
    return messages.map(({ id, body }, index): Result<Receipt> => {
      const refusal = refusals[index];
      if (refusal) return { ok: false, error: refusal };
      const result = stored[next++];
      if (result) return result;
      const storedBody = bodies.get(id);
      if (storedBody === undefined && trigger !== null) return { ok: false, error: refusedBy(trigger, id, schema) };
      // Undefined: the job was stored before, and has finished since.
      if (storedBody === undefined || storedBody === body) return receipt({ id, stored: false });
      return { ok: false, error: idConflict(id) };
    });
  };
}

const receipt = (value: Receipt): Result<Receipt> => ({ ok: true, value });

function refusedBy(trigger: string, id: string, schema: string): WaybillError {
  const text = `job "${id}" was not stored, though no other has its id: the trigger "${trigger}" that another program put on "${schema}".jobs refuses it; drop the trigger, or let its function return NEW`;
  return new WaybillError("BACKEND_UNAVAILABLE", text);
}

function markNotStored(thrown: unknown): never {
  throw isWaybillError(thrown) && wasRefused(thrown) ? notStored(thrown) : thrown;
}

function refusalOf({ id, body, unique, limitKeys }: Message): WaybillError | null {
  const where = body.includes("\0")
    ? "body"
    : unique?.key.includes("\0")
      ? "unique key"
      : Object.values(limitKeys ?? {}).some((key) => key.includes("\0"))
        ? "limit keys"
        : null;
  if (where === null) return null;
  const text = `job "${id}" has the character U+0000 in its ${where}, which text cannot hold; escape it`;
  return new WaybillError("CAPABILITY_MISSING", text);
}

type Column = (message: Message) => string | number | null;
const literals = (messages: readonly Message[], columns: readonly Column[]): string[] =>
  columns.map((column) => arrayLiteral(messages.map(column)));

/** The parameters of `enqueue()` but the last: each column as one array literal. */
const columnsOf = (messages: readonly Message[]): string[] =>
  literals(messages, [
    ({ id }) => id,
    ({ queue }) => queue,
    ({ type }) => type,
    ({ priority }) => priority,
    ({ delayMs }) => (delayMs > 0 ? delayMs : null),
    ({ tenant }) => tenant,
    ({ signature }) => signature?.value ?? null,
    ({ signature }) => signature?.timestamp ?? null,
    ({ body }) => body,
  ]);

/** The parameters of `enqueue_keyed()` between those of `enqueue()`. A key that is taken for a time has the text "time". */
const keyColumnsOf = (messages: readonly Message[]): string[] =>
  literals(messages, [
    ({ limitKeys }) => (limitKeys === undefined ? null : arrayLiteral(limitKeysOf(limitKeys))),
    ({ unique }) => unique?.key ?? null,
    ({ unique }) => (typeof unique?.until === "number" ? "time" : (unique?.until ?? null)),
    ({ unique }) => (typeof unique?.until === "number" ? unique.until : null),
    ({ unique }) => unique?.onConflict ?? null,
  ]);
