import { EnvelopeError, isWaybillError, type Jobs, type Receipt, type Signature } from "@waybill/core";
import { isInstance } from "@waybill/core/door";
import { type Parcel, refuseOther } from "./carrier.ts";
import type { Inside } from "./door.ts";
import { envelopeId } from "./envelope-in.ts";
import { Places } from "./places.ts";
import { problem, PushRefused, tellRefused } from "./problem.ts";
import type { PushAnswer, Push } from "./push.ts";
import { stored } from "./respond.ts";

/** Requests that wait for the backend at once; more are told to come back, so that a slow one cannot fill the memory. */
const MOST_STORING = 200;

/** What became of one envelope. */
export type Stored = ({ readonly ok: true } & Receipt) | NotStored | NotStoredNow;

/** It never will be, however often it comes. */
export interface NotStored {
  readonly ok: false;
  readonly now: false;
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** For the backend's sake. It may be stored all the same, and may come again: one id is stored once. */
export interface NotStoredNow {
  readonly ok: false;
  readonly now: true;
  readonly code: "BACKEND_UNAVAILABLE" | "BACKEND_FULL" | "BACKEND_CLOSED";
  /** For us alone: it may say where the backend is. */
  readonly message: string;
}

/** Stores one envelope as it came. */
export async function storeBody(to: Jobs, body: string, signature: Signature | null): Promise<Stored> {
  try {
    return { ok: true, ...(await to.enqueueBody(body, signature)) };
  } catch (thrown) {
    if (!isWaybillError(thrown)) throw thrown;
    const { code, message } = thrown;
    const never = { ok: false, now: false, message } as const;
    switch (code) {
      case "ENQUEUE_UNKNOWN":
        return { ok: false, now: true, code: "BACKEND_UNAVAILABLE", message };
      case "BACKEND_UNAVAILABLE":
      case "BACKEND_FULL":
      case "BACKEND_CLOSED":
        return { ok: false, now: true, code, message };
      case "ENVELOPE_INVALID":
        return { ...never, status: 400, code: isInstance(thrown, EnvelopeError) ? thrown.envelopeCode : code };
      case "ID_CONFLICT":
        return { ...never, status: 409, code };
      default:
        return { ...never, status: 422, code };
    }
  }
}

/** Behind a door whose jobs are stored, one a request. */
export function createStore(to: Jobs): Inside {
  return storing(async ({ body, signature, provenId }, push) => {
    const id = envelopeId(body);
    if (provenId !== null && id !== null) refuseOther(provenId, id);
    const result = await storeBody(to, body, signature);
    if (result.ok) return stored(result.id, result.stored);
    if (result.now) throw notNow(result);
    tellRefused(to.events, push, result);
    return refused(result, id);
  });
}

/** Limits how many store at once. */
export function storing(store: (parcel: Parcel, push: Push) => Promise<PushAnswer>): Inside {
  const places = new Places(MOST_STORING);
  const full = (): PushRefused => new PushRefused(429, "FULL", `${MOST_STORING} requests wait for the backend`);
  return {
    turnsAway: () => (places.isFull(0) ? full() : null),
    async deliver(parcel, _, push) {
      if (places.take(0, push.onGone) !== true) throw full();
      return store(parcel, push).finally(() => places.free());
    },
  };
}

export function notNow({ code, message }: NotStoredNow): PushRefused {
  return new PushRefused(503, code, message);
}

function refused({ status, code, message }: NotStored, id: string | null): PushAnswer {
  const headers = { "waybill-outcome": "dead", "waybill-reason": code, ...(id !== null && { "x-waybill-job": id }) };
  return problem(status, code, "The job was not stored", message, headers);
}
