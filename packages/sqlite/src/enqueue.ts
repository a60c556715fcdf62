import type { DatabaseSync } from "node:sqlite";
import { type Answer, type Receipt, WaybillError } from "@waybill/core";
import type { Message } from "@waybill/core/backend";
import { sqliteCapabilities } from "./capabilities.ts";
import { idConflict, refusedByTrigger } from "./errors.ts";
import { jobRow } from "./label.ts";
import { prepare } from "./prepare.ts";
import { delayJob, hasSameBody, insertJob, joinLine, nextPlace } from "./sql/enqueue.ts";

/** Stores messages within a transaction that the caller began. Answers per message, in order. */
export function createEnqueue(
  db: DatabaseSync,
  now: () => number,
): (messages: readonly Message[]) => Answer<Receipt>[] {
  const next = prepare(db, nextPlace);
  const insert = prepare(db, insertJob);
  const sameBody = prepare(db, hasSameBody);
  const join = prepare(db, joinLine);
  const delay = prepare(db, delayJob);

  function known(message: Message): Answer<Receipt> {
    const found = sameBody.get(message.body, message.id);
    if (found === undefined) return { ok: false, error: refusedByTrigger(message.id) };
    return found["same"] === 1
      ? { ok: true, value: { id: message.id, stored: false } }
      : { ok: false, error: idConflict(message.id) };
  }

  return (messages) => {
    const at = now();
    let seq = Number(next.get()?.["seq"]);
    // Rows written since the last delayed one; their seqs follow on each other, since nobody else can write now.
    let first = 0;
    let last = -1;
    const joinWritten = (): void => {
      if (last >= first) join.run(first, last);
      last = -1;
    };
    const answers = messages.map((message, index): Answer<Receipt> => {
      const excess = index < sqliteCapabilities.maxBatch ? tooLarge(message) : tooMany(message);
      if (excess !== null) return { ok: false, error: excess };
      const dueAt = message.delayMs > 0 ? Math.ceil(at + message.delayMs) : null;
      const { changes } = insert.run(seq, ...jobRow(message, dueAt, at));
      if (Number(changes) === 0) return known(message);
      if (dueAt === null) {
        if (last < 0) first = seq;
        last = seq;
      } else {
        joinWritten();
        delay.run(dueAt, seq, at);
      }
      seq += 1;
      return { ok: true, value: { id: message.id, stored: true } };
    });
    joinWritten();
    return answers;
  };
}

function tooMany(message: Message): WaybillError {
  const text = `job "${message.id}" is beyond the ${sqliteCapabilities.maxBatch} messages taken at once; split the batch`;
  return new WaybillError("CAPABILITY_MISSING", text);
}

/** UTF-8 takes at most three bytes a UTF-16 unit, so most bodies need no count. */
function tooLarge(message: Message): WaybillError | null {
  const { maxBodyBytes } = sqliteCapabilities;
  if (message.body.length * 3 <= maxBodyBytes) return null;
  const bytes = Buffer.byteLength(message.body);
  if (bytes <= maxBodyBytes) return null;
  const text = `the body of job "${message.id}" has ${bytes} bytes, the limit is ${maxBodyBytes}; store the data elsewhere and enqueue a reference`;
  return new WaybillError("CAPABILITY_MISSING", text);
}
