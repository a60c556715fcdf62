import { type DeadReason, toError } from "@waybill/core";
import type { Admit, BackendContext, Message } from "@waybill/core/backend";
import type { Database, Query } from "./database.ts";
import type { Enqueue } from "./enqueue.ts";
import { codeOf } from "./errors.ts";
import { arrayLiteral, signatureOf } from "./label.ts";
import { storable } from "./settle.ts";
import { noQueue } from "./sql/inspect.ts";

interface Arrival {
  readonly number: string;
  readonly id: string;
  readonly envelope: string;
  readonly signature: string | null;
  readonly signature_timestamp: string | null;
}

interface Rejected {
  readonly arrival: Arrival;
  readonly reason: DeadReason;
}

/** So that one transaction stays short. */
const SLICE = 200;

/**
 * Admits the oldest rows that plain SQL inserted, in one transaction. Each becomes a job or is kept among the dead with
 * core's reason; a crash leaves it in the inbox, and another process may admit the rows beside it.
 */
export function createInbox(database: Database, schema: string, { admit, report }: BackendContext, enqueue: Enqueue) {
  const oldest = `SELECT number, id, envelope, signature, signature_timestamp FROM "${schema}".inbox
    ORDER BY number LIMIT ${SLICE} FOR UPDATE SKIP LOCKED`;
  const remove = `DELETE FROM "${schema}".inbox WHERE number = ANY ($1::text::bigint[])`;
  const keep = `INSERT INTO "${schema}".dead
      (id, queue, rank, attempt, code, message, died_at, rejected, type, signature, signature_timestamp, body)
    SELECT id, '${noQueue}', 0, 1, $2::text, $3::text, statement_timestamp(), true, '', signature, signature_timestamp, envelope
    FROM "${schema}".inbox WHERE number = $1::text::bigint`;

  /** A judge that stumbles over one row must not keep the rows behind it waiting. */
  function judged({ envelope, signature, signature_timestamp }: Arrival): ReturnType<Admit> {
    try {
      return admit(envelope, signatureOf(signature_timestamp, signature));
    } catch (thrown) {
      return { ok: false, reason: admissionFailed(thrown) };
    }
  }

  /** Why each could not be stored, or null. What the database does not take of one row keeps none of the others out. */
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
      const answers = await enqueue(query, messages, queuesOf(messages));
      await query("RELEASE SAVEPOINT admission");
      return answers.map((answer) => (answer.ok ? null : answer.error));
    } catch (thrown) {
      await query("ROLLBACK TO SAVEPOINT admission");
      throw thrown;
    }
  }

  async function admitSome(query: Query): Promise<{ queues: string[]; more: boolean; rejected: Rejected[] }> {
    const arrivals = (await query(oldest)) as Arrival[];
    const admitted: { readonly arrival: Arrival; readonly message: Message }[] = [];
    const rejected: Rejected[] = [];
    for (const arrival of arrivals) {
      const verdict = judged(arrival);
      if (verdict.ok) admitted.push({ arrival, message: verdict.message });
      else rejected.push({ arrival, reason: verdict.reason });
    }
    const messages = admitted.map(({ message }) => message);
    for (const [index, reason] of (await storeAll(query, messages)).entries()) {
      const arrival = admitted[index]?.arrival;
      if (reason !== null && arrival) rejected.push({ arrival, reason });
    }
    for (const { arrival, reason } of rejected) {
      await query(keep, [arrival.number, reason.code, storable(reason.message)]);
    }
    if (arrivals.length > 0) await query(remove, [arrayLiteral(arrivals.map(({ number }) => number))]);
    return { queues: queuesOf(messages), more: arrivals.length === SLICE, rejected };
  }

  return async (): Promise<{ queues: string[]; more: boolean }> => {
    const { rejected, ...admitted } = await database.transact(admitSome);
    for (const { arrival, reason } of rejected) report.rejected({ id: arrival.id, queue: noQueue, reason });
    return admitted;
  };
}

const queuesOf = (messages: readonly Message[]): string[] => [...new Set(messages.map(({ queue }) => queue))];

const admissionFailed = (thrown: unknown): DeadReason => ({
  code: "ADMISSION_FAILED",
  message: toError(thrown).message,
});

/** SQLSTATE's classes for values that are not allowed, constraints broken and limits exceeded: no second try cures those. */
const isOfTheData = (thrown: unknown): boolean => /^(22|23|54)/.test(codeOf(toError(thrown)));
