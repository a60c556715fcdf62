import type { DatabaseSync } from "node:sqlite";
import type { DeadLetter, DeadLetterQuery, Inspector, QueueCounts } from "@waybill/core";
import { countOf, momentOf, textOf } from "@waybill/core/backend";
import type { CommitGroup } from "./commit-group.ts";
import { prepare } from "./prepare.ts";
import { joinLine } from "./sql/enqueue.ts";
import * as sql from "./sql/inspect.ts";
import { removeJob } from "./sql/settle.ts";
import { moveToEnd } from "./sql/upkeep.ts";

/** So that one transaction stays short. */
const SLICE = 500;

/** `read` runs a query: it throws BACKEND_CLOSED once the backend is closed, and names the file in SQLite's errors. */
export function createInspector(
  db: DatabaseSync,
  now: () => number,
  group: CommitGroup,
  read: <T>(query: () => T) => T,
): Inspector {
  const count = prepare(db, sql.countQueues);
  const oldest = prepare(db, sql.oldestReady);
  const list = prepare(db, sql.listDead);
  const pick = prepare(db, sql.pickDead);
  const seqOf = prepare(db, sql.seqOfDead);
  const renew = prepare(db, sql.renewJob);
  const toEnd = prepare(db, moveToEnd);
  const join = prepare(db, joinLine);
  const returnToInbox = prepare(db, sql.returnArrival);
  const remove = prepare(db, removeJob);
  const removeRejected = prepare(db, sql.removeRejected);
  const removeDead = prepare(db, sql.removeDead);

  function replayOne(number: string): boolean {
    const found = seqOf.get(number);
    if (found === undefined) return false;
    const seq = found["seq"] as string | null;
    if (seq === null) {
      if (Number(returnToInbox.run(number).changes) === 0) return false;
      removeRejected.run(number);
    } else {
      if (found["alive"] === 1) return false;
      renew.run(now(), seq);
      const end = toEnd.get(null, seq)?.["seq"];
      if (end === undefined) return false;
      join.run(Number(end), Number(end));
    }
    removeDead.run(number);
    return true;
  }

  function dropOne(number: string): boolean {
    const found = seqOf.get(number);
    if (found === undefined) return false;
    const seq = found["seq"] as string | null;
    if (seq === null) removeRejected.run(number);
    else if (found["alive"] === 0) remove.run(seq);
    removeDead.run(number);
    return true;
  }

  /** Oldest first, slice by slice; those gone meanwhile are not counted. */
  async function change(query: DeadLetterQuery, one: (number: string) => boolean): Promise<number> {
    const numbers = read(() => pick.all(...parametersOf(query))).map((row) => String(row["number"]));
    let changed = 0;
    for (let end = numbers.length; end > 0; end -= SLICE) {
      const slice = numbers.slice(Math.max(end - SLICE, 0), end).toReversed();
      changed += await group.write(() => slice.filter(one).length);
    }
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

function letterOf(row: Record<string, unknown>): DeadLetter {
  return {
    id: textOf(row["id"]) ?? "",
    type: textOf(row["type"]) ?? "",
    queue: textOf(row["queue"]) ?? "",
    reason: { code: textOf(row["code"]) ?? "", message: textOf(row["message"]) ?? "" },
    attempt: countOf(row["attempt"], 0),
    diedAt: momentOf(row["died_at"]),
    body: textOf(row["body"]) ?? "",
    ...(row["gone"] === 1 && { damage: "its job is no longer in the file; only its end is" }),
  };
}

/** Queue, whether any id will do, ids, limit: as `sql/inspect.ts` asks for them. */
function parametersOf({ queue, ids, limit = 100 }: DeadLetterQuery): [string | null, number, string, number] {
  return [queue ?? null, ids === undefined ? 1 : 0, JSON.stringify(ids ?? []), Number.isFinite(limit) ? limit : -1];
}
