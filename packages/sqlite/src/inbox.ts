import type { DatabaseSync } from "node:sqlite";
import { type Answer, type DeadReason, type Receipt, toError } from "@waybill/core";
import type { Admit, BackendContext, Message, Rejection } from "@waybill/core/backend";
import { isOfTheShape, shapeError } from "./errors.ts";
import { signatureOf } from "./label.ts";
import { prepare } from "./prepare.ts";
import { buryArrival, keepArrival, oldestArrivals, removeArrival } from "./sql/inbox.ts";
import { noQueue } from "./sql/inspect.ts";

/** The rows that plain SQL inserted. */
export interface Inbox {
  /**
   * Admits the oldest rows within a transaction that the caller began. Returns how many there were. Each becomes a job or
   * is kept among the dead with core's reason; a crash leaves it in the inbox. Never throws because of the inbox's own
   * table: it then changes nothing and reports what is wrong.
   */
  admitSome(): number;
  /** The transaction of the last `admitSome` is on disk. */
  committed(): void;
}

interface Arrival {
  readonly number: string;
  readonly id: string;
  readonly envelope: Uint8Array;
  readonly signature: unknown;
  readonly signature_timestamp: unknown;
}

/** So that one transaction stays short. */
const SLICE = 100;

export function createInbox(
  db: DatabaseSync,
  file: string,
  now: () => number,
  { admit, report }: BackendContext,
  enqueue: (messages: readonly Message[]) => Answer<Receipt>[],
): Inbox {
  let rejected: Rejection[] = [];
  const oldest = prepare(db, oldestArrivals);
  const remove = prepare(db, removeArrival);
  const buryIt = prepare(db, buryArrival);
  const keep = prepare(db, keepArrival);
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

  function admitEach(): number {
    const arrivals = oldest.all(SLICE) as unknown as Arrival[];
    for (const arrival of arrivals) {
      const reason = reasonToReject(arrival);
      if (reason !== null) {
        const number = String(buryIt.get(reason.code, reason.message.slice(0, 2_000), now())?.["number"]);
        keep.run(number, arrival.number);
        rejected.push({ id: arrival.id, queue: noQueue, reason });
      }
      remove.run(arrival.number);
    }
    return arrivals.length;
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
        if (!isOfTheShape(thrown)) throw thrown;
        rejected = [];
        db.exec("ROLLBACK TO inbox; RELEASE inbox");
        report.failed(WHAT, shapeError(thrown, file, "waybill_inbox"));
        return 0;
      }
    },
    committed() {
      for (const one of rejected.splice(0)) report.rejected(one);
    },
  };
}

const WHAT = "admit arrivals";
