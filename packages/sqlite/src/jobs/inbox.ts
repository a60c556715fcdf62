import type { DatabaseSync } from "node:sqlite";
import { type DeadReason, toError } from "@waybill/core";
import { type Admit, arrivalRefused, type BackendContext, type Rejection } from "@waybill/core/backend";
import { areTablesChanged, inboxError } from "../errors.ts";
import { whole } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import type { Enqueue } from "./enqueue.ts";
import { signatureOf } from "./lease.ts";

/** The queue under which rejected inbox rows are listed. No envelope can name it. */
export const inboxQueue = "waybill_inbox";

/** The rows that other programs inserted by SQL. */
export interface Inbox {
  /**
   * Admits the oldest rows within a transaction that the caller began, and returns how many there were. Each becomes a job,
   * or a dead letter with core's reason. A crash leaves it in the inbox. When another program has changed the inbox's table,
   * this changes nothing and reports the error.
   */
  admitSome(): number;
  /** The transaction of the last `admitSome` is on disk. Reports the rejected rows. */
  committed(): void;
}

interface InboxRow {
  readonly number: string;
  readonly id: string;
  readonly envelope: Uint8Array;
  readonly signature: unknown;
  readonly signature_timestamp: unknown;
}

/** Rows admitted in one transaction, so that it stays short. */
const SLICE = 100;
const WHAT = "admit arrivals";

export function createInbox(
  db: DatabaseSync,
  file: string,
  now: () => number,
  { admit, report }: BackendContext,
  enqueue: Enqueue,
): Inbox {
  let rejected: Rejection[] = [];
  const prepare = prepareOn(db);
  // Row numbers as text, since they may be beyond 2^53. The envelope as bytes: as text, invalid UTF-8 would be replaced.
  const oldest =
    prepare(`SELECT CAST(rowid AS TEXT) AS number, CAST(id AS TEXT) AS id, CAST(envelope AS BLOB) AS envelope,
            CAST(signature AS TEXT) AS signature, ${whole("signature_timestamp")} AS signature_timestamp
     FROM waybill_inbox ORDER BY rowid LIMIT ?`);
  const remove = prepare("DELETE FROM waybill_inbox WHERE rowid = ?");
  const kill = prepare(`INSERT INTO waybill_dead (seq, code, message, attempt, died_at) VALUES (NULL, ?, ?, 1, ?)
     RETURNING CAST(number AS TEXT) AS number`);
  // Copied inside SQLite, so that every byte is kept.
  const keep = prepare(`INSERT INTO waybill_rejected (number, id, envelope, signature, signature_timestamp, inserted_at)
     SELECT ?, id, envelope, signature, signature_timestamp, inserted_at FROM waybill_inbox WHERE rowid = ?`);
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  function decoded(bytes: Uint8Array): string | null {
    try {
      return utf8.decode(bytes);
    } catch {
      return null;
    }
  }

  /** An `admit` that throws rejects this row only, so that the rows behind it are served. */
  function judged(body: string, { signature_timestamp, signature }: InboxRow): ReturnType<Admit> {
    try {
      return admit(body, signatureOf(signature_timestamp, signature));
    } catch (thrown) {
      return { ok: false, reason: { code: "ADMISSION_FAILED", message: toError(thrown).message } };
    }
  }

  /** Enqueues the row's job. Returns why it cannot be one, or null. */
  function reasonToReject(row: InboxRow): DeadReason | null {
    const body = decoded(row.envelope);
    if (body === null)
      return { code: "ENCODING_INVALID", message: "the envelope is not UTF-8; insert it as UTF-8 text" };
    const verdict = judged(body, row);
    if (!verdict.ok) return verdict.reason;
    const [result] = enqueue([verdict.message]);
    return result === undefined || result.ok ? null : arrivalRefused(result.error);
  }

  function admitEach(): number {
    const rows = oldest.all(SLICE) as unknown as InboxRow[];
    for (const row of rows) {
      const reason = reasonToReject(row);
      if (reason !== null) {
        const number = String(kill.get(reason.code, reason.message.slice(0, 2_000), now())?.["number"]);
        keep.run(number, row.number);
        rejected.push({ id: row.id, queue: inboxQueue, reason });
      }
      remove.run(row.number);
    }
    return rows.length;
  }

  return {
    admitSome() {
      rejected = [];
      db.exec("SAVEPOINT inbox");
      try {
        const count = admitEach();
        db.exec("RELEASE inbox");
        report.succeeded(WHAT);
        return count;
      } catch (thrown) {
        if (!areTablesChanged(thrown)) throw thrown;
        rejected = [];
        db.exec("ROLLBACK TO inbox; RELEASE inbox");
        report.failed(WHAT, inboxError(thrown, file));
        return 0;
      }
    },
    committed() {
      for (const one of rejected.splice(0)) report.rejected(one);
    },
  };
}
