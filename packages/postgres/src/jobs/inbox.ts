import { type DeadReason, toError } from "@waybill/core";
import { type Admit, arrivalRefused, type BackendContext, type Message } from "@waybill/core/backend";
import type { Database } from "../connection/database.ts";
import { arrayLiteral, type Query } from "../connection/query.ts";
import { codeOf } from "../errors.ts";
import type { Enqueue } from "./enqueue.ts";
import { signatureOf } from "./lease.ts";
import { storable } from "./settle.ts";

/** The queue under which rejected inbox rows are listed. No envelope can name it. */
const inboxQueue = "waybill_inbox";

interface InboxRow {
  readonly number: string;
  readonly id: string;
  readonly envelope: string;
  readonly signature: string | null;
  readonly signature_timestamp: string | null;
}

interface Rejected {
  readonly row: InboxRow;
  readonly reason: DeadReason;
}

/** Rows admitted in one transaction, so that it stays short. */
const SLICE = 200;

/**
 * Returns a function that admits the oldest rows which other programs inserted by SQL, in one transaction. Each becomes a
 * job, or a dead letter with core's reason. A crash leaves it in the inbox. Several processes may run it at once. It returns
 * the queues that got jobs, and whether there may be more rows.
 */
export function createInbox(database: Database, schema: string, { admit, report }: BackendContext, enqueue: Enqueue) {
  const oldest = `SELECT number, id, envelope, signature, signature_timestamp FROM "${schema}".inbox
    ORDER BY number LIMIT ${SLICE} FOR UPDATE SKIP LOCKED`;
  const remove = `DELETE FROM "${schema}".inbox WHERE number = ANY ($1::text::bigint[])`;
  const keep = `INSERT INTO "${schema}".dead
      (id, queue, rank, attempt, code, message, died_at, rejected, type, signature, signature_timestamp, body)
    SELECT id, '${inboxQueue}', 0, 1, $2::text, $3::text, statement_timestamp(), true, '', signature, signature_timestamp, envelope
    FROM "${schema}".inbox WHERE number = $1::text::bigint`;

  /** An `admit` that throws rejects this row only, so that the rows behind it are served. */
  function judged({ envelope, signature, signature_timestamp }: InboxRow): ReturnType<Admit> {
    try {
      return admit(envelope, signatureOf(signature_timestamp, signature));
    } catch (thrown) {
      return { ok: false, reason: admissionFailed(thrown) };
    }
  }

  /** Returns for each message why it cannot be stored, or null. One that the database refuses affects no other. */
  async function storeAll(query: Query, messages: readonly Message[]): Promise<(DeadReason | null)[]> {
    try {
      return await store(query, messages);
    } catch (thrown) {
      if (!isOfTheData(thrown)) throw thrown;
      if (messages.length === 1) return [admissionFailed(thrown)];
    }
    const reasons: (DeadReason | null)[] = [];
    for (const message of messages) reasons.push(...(await storeAll(query, [message])));
    return reasons;
  }

  async function store(query: Query, messages: readonly Message[]): Promise<(DeadReason | null)[]> {
    if (messages.length === 0) return [];
    await query("SAVEPOINT admission");
    try {
      const results = await enqueue(query, messages, queuesOf(messages));
      await query("RELEASE SAVEPOINT admission");
      return results.map((result) => (result.ok ? null : arrivalRefused(result.error)));
    } catch (thrown) {
      await query("ROLLBACK TO SAVEPOINT admission");
      throw thrown;
    }
  }

  async function admitSome(query: Query): Promise<{ queues: string[]; more: boolean; rejected: Rejected[] }> {
    const rows = (await query(oldest)) as InboxRow[];
    const admitted: { readonly row: InboxRow; readonly message: Message }[] = [];
    const rejected: Rejected[] = [];
    for (const row of rows) {
      const verdict = judged(row);
      if (verdict.ok) admitted.push({ row, message: verdict.message });
      else rejected.push({ row, reason: verdict.reason });
    }
    const messages = admitted.map(({ message }) => message);
    for (const [index, reason] of (await storeAll(query, messages)).entries()) {
      const row = admitted[index]?.row;
      if (reason !== null && row) rejected.push({ row, reason });
    }
    for (const { row, reason } of rejected) await query(keep, [row.number, reason.code, storable(reason.message)]);
    if (rows.length > 0) await query(remove, [arrayLiteral(rows.map(({ number }) => number))]);
    return { queues: queuesOf(messages), more: rows.length === SLICE, rejected };
  }

  return async (): Promise<{ queues: string[]; more: boolean }> => {
    const { rejected, ...admitted } = await database.transact(admitSome);
    for (const { row, reason } of rejected) report.rejected({ id: row.id, queue: inboxQueue, reason });
    return admitted;
  };
}

const queuesOf = (messages: readonly Message[]): string[] => [...new Set(messages.map(({ queue }) => queue))];

const admissionFailed = (thrown: unknown): DeadReason => ({
  code: "ADMISSION_FAILED",
  message: toError(thrown).message,
});

/** SQLSTATE's classes for invalid values, broken constraints and exceeded limits. A second try would fail as well. */
const isOfTheData = (thrown: unknown): boolean => /^(22|23|54)/.test(codeOf(toError(thrown)));
