import { describeError, isWaybillError } from "@waybill/core";
import { isInstance } from "@waybill/core/backend";

/** A request that is not served, as the page shows it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const STATUS: Readonly<Record<string, number>> = {
  CONFIG_INVALID: 400,
  ENVELOPE_INVALID: 400,
  PAYLOAD_INVALID: 400,
  ID_CONFLICT: 409,
  DUPLICATE_JOB: 409,
  CAPABILITY_MISSING: 422,
  BACKEND_UNAVAILABLE: 503,
  BACKEND_CLOSED: 503,
};

/** Returns what was thrown as a refusal: an error of ours by its code, any other one as 500. */
export function refusalOf(thrown: unknown): Refusal {
  if (isInstance(thrown, Refusal)) return thrown;
  if (isWaybillError(thrown)) return new Refusal(STATUS[thrown.code] ?? 500, thrown.code, thrown.message);
  return new Refusal(500, "FAILED", describeError(thrown));
}
