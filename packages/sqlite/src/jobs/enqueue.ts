import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { type Result, type Receipt, WaybillError } from "@waybill/core";
import { createLimitCheck, idConflict, type Message } from "@waybill/core/backend";
import { sqliteCapabilities } from "../capabilities.ts";
import { RowRefused } from "../errors.ts";
import { prepareOn } from "../sql/statement.ts";
import { createJobState } from "./job-state.ts";
import { createUniqueKeys, uniqueColumns } from "./unique.ts";

/** Stores messages within a transaction that the caller began. Returns a result for each, in order. */
export type Enqueue = (messages: readonly Message[]) => Result<Receipt>[];

const COLUMNS = "seq, id, queue, type, priority, tenant, signature_timestamp, signature, due_at, enqueued_at, body";
const insertInto = (columns: string): string =>
  `INSERT INTO waybill_jobs (${columns}) VALUES (${columns.replaceAll(/\w+/g, "?")}) ON CONFLICT DO NOTHING`;

export function createEnqueue(db: DatabaseSync, now: () => number): Enqueue {
  const state = createJobState(db);
  const uniqueKeys = createUniqueKeys(db, state);
  const prepare = prepareOn(db);
  const insert = prepare(insertInto(COLUMNS));
  const insertKeys = prepare(insertInto(`${COLUMNS}, limit_keys, unique_key, unique_until, unique_taken`));
  const sameBody = prepare("SELECT body = ? AS same FROM waybill_jobs WHERE id = ?");

  function insertJob(seq: number, message: Message, dueAt: number | null, at: number): boolean {
    const { id, queue, type, priority, tenant, signature, body, unique, limitKeys } = message;
    const signedAt = signature?.timestamp ?? null;
    const signed = signature?.value ?? null;
    const row: SQLInputValue[] = [seq, id, queue, type, priority, tenant, signedAt, signed, dueAt, at, body];
    if (unique === undefined && limitKeys === undefined) return Number(insert.run(...row).changes) > 0;
    const limits = limitKeys === undefined ? null : JSON.stringify(limitKeys);
    const { changes } = insertKeys.run(...row, limits, ...uniqueColumns(unique));
    return Number(changes) > 0;
  }

  /** The result of a message whose id is taken; null when it is free. */
  function compared({ id, body }: Message): Result<Receipt> | null {
    const found = sameBody.get(body, id);
    if (found === undefined) return null;
    if (found["same"] !== 1) return { ok: false, error: idConflict(id) };
    return { ok: true, value: { id, stored: false } };
  }

  return (messages) => {
    const at = now();
    const check = createLimitCheck(sqliteCapabilities);
    let seq = state.nextSeq();
    // The positions of the undelayed jobs since the last delayed one. They have no gap: no other connection can write now.
    let first = 0;
    let last = -1;
    const makeWrittenReady = (): void => {
      if (last >= first) state.makeReady(first, last);
      last = -1;
    };

    function store(message: Message): Result<Receipt> | null {
      const dueAt = message.delayMs > 0 ? Math.ceil(at + message.delayMs) : null;
      if (!insertJob(seq, message, dueAt, at)) return compared(message);
      if (dueAt === null) {
        if (last < 0) first = seq;
        last = seq;
      } else {
        makeWrittenReady();
        state.delay(dueAt, seq, at);
      }
      seq += 1;
      return { ok: true, value: { id: message.id, stored: true } };
    }

    const results = messages.map((message): Result<Receipt> => {
      const refusal = check(message);
      if (refusal !== null) return { ok: false, error: refusal };
      const result =
        message.unique === undefined
          ? store(message)
          : uniqueKeys.storeOnce(message, message.unique, at, { store, compared, flush: makeWrittenReady });
      return result ?? { ok: false, error: refusedByTrigger(message.id) };
    });
    makeWrittenReady();
    return results;
  };
}

function refusedByTrigger(id: string): WaybillError {
  const { message } = new RowRefused(`job "${id}" was not stored, though no other has its id`, "waybill_jobs");
  return new WaybillError("BACKEND_UNAVAILABLE", message);
}
