import type { DatabaseSync } from "node:sqlite";
import { type Answer, type DeadReason, type Receipt, toError } from "@waybill/core";
import type { Admit, Message } from "@waybill/core/backend";
import { signatureOf } from "./label.ts";
import { buryArrival, keepArrival, oldestArrivals, removeArrival } from "./sql/inbox.ts";

interface Arrival {
  readonly number: number;
  readonly envelope: Uint8Array;
  readonly signature: string | null;
  readonly signature_timestamp: number | null;
}

/** So that one transaction stays short. */
const SLICE = 100;

/**
 * Admits the oldest rows that plain SQL inserted, within a transaction that the caller began, and answers how many.
 * Each becomes a job or is kept among the dead with core's reason; a crash leaves it in the inbox.
 */
export function createInbox(
  db: DatabaseSync,
  now: () => number,
  admit: Admit,
  enqueue: (messages: readonly Message[]) => Answer<Receipt>[],
): () => number {
  const oldest = db.prepare(oldestArrivals);
  const remove = db.prepare(removeArrival);
  const buryIt = db.prepare(buryArrival);
  const keep = db.prepare(keepArrival);
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  function decoded(bytes: Uint8Array): string | null {
    try {
      return utf8.decode(bytes);
    } catch {
      return null;
    }
  }

  /** A judge that stumbles over one row must not keep the rows behind it waiting. */
  function judged(body: string, { signature_timestamp, signature }: Arrival): ReturnType<Admit> {
    try {
      return admit(body, signatureOf(signature_timestamp, signature));
    } catch (thrown) {
      return { ok: false, reason: { code: "ADMISSION_FAILED", message: toError(thrown).message } };
    }
  }

  function reasonToReject(arrival: Arrival): DeadReason | null {
    const body = decoded(arrival.envelope);
    if (body === null)
      return { code: "ENCODING_INVALID", message: "the envelope is not UTF-8; insert it as UTF-8 text" };
    const verdict = judged(body, arrival);
    if (!verdict.ok) return verdict.reason;
    const [answer] = enqueue([verdict.message]);
    if (answer === undefined || answer.ok) return null;
    return { code: answer.error.code, message: answer.error.message };
  }

  return () => {
    const arrivals = oldest.all(SLICE) as unknown as Arrival[];
    for (const arrival of arrivals) {
      const reason = reasonToReject(arrival);
      if (reason !== null) {
        const number = Number(buryIt.get(reason.code, reason.message.slice(0, 2_000), now())?.["number"]);
        keep.run(number, arrival.number);
      }
      remove.run(arrival.number);
    }
    return arrivals.length;
  };
}
