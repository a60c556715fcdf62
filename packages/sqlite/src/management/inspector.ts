import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { DeadLetterRecord, DeadLetterQuery, Inspector, QueueCounts, WaybillError } from "@waybill/core";
import { countOf, momentOf, parseError, textOf } from "@waybill/core/backend";
import type { CommitGroup } from "../file/commit-group.ts";
import { createJobState } from "../jobs/job-state.ts";
import { createUniqueKeys } from "../jobs/unique.ts";
import { prepare } from "../sql/statement.ts";
import * as sql from "./inspector-sql.ts";

/** Runs a query. Throws `BACKEND_CLOSED` once the backend is closed, and names the file in SQLite's errors. */
export type Read = <T>(query: () => T) => T;

/** Dead letters changed in one transaction, so that it stays short. */
const SLICE = 500;

export function createInspector(db: DatabaseSync, now: () => number, group: CommitGroup, read: Read): Inspector {
  const state = createJobState(db);
  const uniqueKeys = createUniqueKeys(db, state);
  const count = prepare(db, sql.countQueues);
  const oldest = prepare(db, sql.oldestReady);
  const list = prepare(db, sql.listDead);
  const pick = prepare(db, sql.pickDead);
  const seqOf = prepare(db, sql.seqOfDead);
  const renew = prepare(db, sql.renewJob);
  const returnToInbox = prepare(db, sql.returnToInbox);
  const removeRejected = prepare(db, "DELETE FROM waybill_rejected WHERE number = ?");
  const removeDead = prepare(db, "DELETE FROM waybill_dead WHERE number = ?");

  /** Returns the error of a dead letter that stays one because another job has its unique key. */
  function replayOne(number: string): boolean | WaybillError {
    const found = seqOf.get(number);
    if (found === undefined) return false;
    const seq = found["seq"] as string | null;
    if (seq === null) {
      if (Number(returnToInbox.run(number).changes) === 0) return false;
      removeRejected.run(number);
    } else {
      if (found["alive"] === 1) return false;
      const taken = uniqueKeys.retake(seq, now());
      if (taken !== null) return taken;
      const at = now();
      renew.run(at, at, seq);
      const moved = state.moveToEnd(null, seq);
      if (moved === null) return false;
      state.makeReady(moved);
    }
    removeDead.run(number);
    return true;
  }

  function dropOne(number: string): boolean {
    const found = seqOf.get(number);
    if (found === undefined) return false;
    const seq = found["seq"] as string | null;
    if (seq === null) removeRejected.run(number);
    else if (found["alive"] === 0) state.remove(seq);
    removeDead.run(number);
    return true;
  }

  /** Oldest first, slice by slice. Does not count those that are gone when their slice comes. Throws the first error, at the end. */
  async function change(query: DeadLetterQuery, one: (number: string) => boolean | WaybillError): Promise<number> {
    const numbers = read(() => pick.all(...parametersOf(query))).map((row) => String(row["number"]));
    let changed = 0;
    let refusal: WaybillError | undefined;
    for (let end = numbers.length; end > 0; end -= SLICE) {
      const slice = numbers.slice(Math.max(end - SLICE, 0), end).toReversed();
      const results = await group.write(() => slice.map(one));
      changed += results.filter((result) => result === true).length;
      refusal ??= results.find((result) => typeof result !== "boolean");
    }
    if (refusal !== undefined) throw refusal;
    return changed;
  }

  return {
    async counts() {
      const at = now();
      const since = new Map(read(() => oldest.all(at)).map((row) => [String(row["queue"]), Number(row["since"])]));
      const rows = read(() => count.all(at)) as unknown as Omit<QueueCounts, "oldestWaitMs">[];
      return rows.map((row) => {
        const readyAt = since.get(row.queue);
        return { ...row, oldestWaitMs: readyAt === undefined ? null : Math.max(at - readyAt, 0) };
      });
    },
    async deadLetters(query = {}) {
      return read(() => list.all(...parametersOf(query))).map(letterOf);
    },
    replay: (query = {}) => change(query, replayOne),
    drop: (query = {}) => change(query, dropOne),
  };
}

function letterOf(row: Record<string, unknown>): DeadLetterRecord {
  const text = (column: string): string => textOf(row[column]) ?? "";
  const error = parseError(row["error"]);
  return {
    id: text("id"),
    type: text("type"),
    queue: text("queue"),
    reason: { code: text("code"), message: text("message"), ...(error && { error }) },
    attempt: countOf(row["attempt"], 0),
    diedAt: momentOf(row["died_at"]),
    body: text("body"),
    ...(row["gone"] === 1 && { damage: "its job is no longer in the file; only its end is" }),
  };
}

/** The parameters of `listDead` and `pickDead`. */
function parametersOf({ queue, ids, type, code, since, limit = 100 }: DeadLetterQuery): SQLInputValue[] {
  const byId = [ids === undefined ? 1 : 0, JSON.stringify(ids ?? [])];
  const byTime = [since === undefined ? 1 : 0, since ?? 0];
  return [queue ?? null, ...byId, type ?? null, code ?? null, ...byTime, Number.isFinite(limit) ? limit : -1];
}
