import { EnvelopeError, isWaybillError, type Jobs, parseEnvelope, type Signature } from "@waybill/core";
import { problem } from "./problem.ts";
import type { Answer } from "./push.ts";
import { comeBack, stored } from "./respond.ts";

const COME_BACK_MS = 5_000;

/** Stores one envelope as it came, and answers what became of it. Never rejects for the job's or the backend's sake. */
export async function storeBody(to: Jobs, body: string, signature: Signature | null): Promise<Answer> {
  try {
    const { id, stored: isNew } = await to.enqueueBody(body, signature);
    return stored(id, isNew);
  } catch (thrown) {
    if (!isWaybillError(thrown)) throw thrown;
    const { code, message } = thrown;
    switch (code) {
      case "ENVELOPE_INVALID":
        return refused(400, thrown instanceof EnvelopeError ? thrown.envelopeCode : code, message, null);
      case "ID_CONFLICT":
        return refused(409, code, message, idIn(body));
      case "BACKEND_UNAVAILABLE":
      case "BACKEND_FULL":
      case "BACKEND_CLOSED":
        return comeBack(problem(503, code, "The job could not be stored now", message), COME_BACK_MS);
      default:
        return refused(422, code, message, idIn(body));
    }
  }
}

function refused(status: number, code: string, message: string, id: string | null): Answer {
  const headers = { "waybill-outcome": "dead", "waybill-reason": code, ...(id !== null && { "x-waybill-job": id }) };
  return problem(status, code, "The job was not stored", message, headers);
}

const idIn = (body: string): string => parseEnvelope(body).id;
