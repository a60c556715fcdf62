import {
  DuplicateJobError,
  EnvelopeError,
  isWaybillError,
  type Producer,
  type Receipt,
  type Signature,
} from "@waybill/core";
import { isInstance } from "@waybill/core/endpoint";
import { PushRefused } from "../push/push-refused.ts";

/** The result of storing one envelope. */
export type StoreResult = ({ readonly ok: true } & Receipt) | StoreRefused | StoreUnavailable;

/** Returns what a response says about an envelope that was taken. */
export function storedMembers({ id, stored, duplicateOf, replaced }: Receipt): Record<string, string | boolean> {
  return {
    id,
    stored,
    ...(duplicateOf !== undefined && { duplicate_of: duplicateOf }),
    ...(replaced !== undefined && { replaced }),
  };
}

/** The envelope is refused, however often it is sent. */
export interface StoreRefused {
  readonly ok: false;
  readonly transient: false;
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** The backend failed. The envelope may be stored nevertheless, and may be sent again: one id is stored once. */
export interface StoreUnavailable {
  readonly ok: false;
  readonly transient: true;
  readonly code: "BACKEND_UNAVAILABLE" | "BACKEND_FULL" | "BACKEND_CLOSED";
  /** For our own log: it may contain the backend's address. */
  readonly message: string;
}

/** Stores one envelope as it came, or the one in a signed wrapper. The codes are those of the spec. Rejects for a bug. */
export async function storeBody(to: Producer, body: string, signature: Signature | null): Promise<StoreResult> {
  try {
    return { ok: true, ...(await to.enqueueBody(body, signature)) };
  } catch (thrown) {
    if (!isWaybillError(thrown)) throw thrown;
    const { code, message } = thrown;
    const refused = { ok: false, transient: false, message } as const;
    switch (code) {
      case "BACKEND_FULL":
      case "BACKEND_CLOSED":
        return { ok: false, transient: true, code, message };
      case "ENVELOPE_INVALID":
        return { ...refused, status: 400, code: isInstance(thrown, EnvelopeError) ? thrown.envelopeCode : code };
      case "ID_CONFLICT":
        return { ...refused, status: 409, code };
      case "DUPLICATE_JOB":
        return {
          ...refused,
          status: 409,
          code,
          message: isInstance(thrown, DuplicateJobError) ? taken(thrown) : message,
        };
      case "CAPABILITY_MISSING":
        return { ...refused, status: 422, code: "NEED_UNSUPPORTED" };
      // A missing right or queue is a wrong setting of the backend, not a fault of the job.
      default:
        return { ok: false, transient: true, code: "BACKEND_UNAVAILABLE", message };
    }
  }
}

/** Names the option as the envelope has it, since its producer may be written in any language. */
function taken({ id, duplicateOf }: DuplicateJobError): string {
  const remedy = 'send it once the key is free, or with `"on_conflict": "ignore"` in its `dedupe`';
  return `job "${id}" was not stored: job "${duplicateOf}" has its unique key; ${remedy}`;
}

/** Returns the 503 for a backend that failed. */
export function unavailable({ code, message }: StoreUnavailable): PushRefused {
  return new PushRefused(503, code, message);
}
