import type { DeadReason } from "@waybill/core";
import { parseError } from "@waybill/core/backend";

/** Parses why a job is dead: BullMQ's `failedReason`, which waybill writes as "CODE: message", and the value of `ERROR_FIELD`. */
export function deadReasonOf(failedReason: string, thrown: unknown): DeadReason {
  const failure = /^(?<code>[A-Z_]+): (?<message>.*)$/s.exec(failedReason)?.groups;
  const error = parseError(thrown);
  const known = { code: failure?.["code"] ?? "FAILED", message: failure?.["message"] ?? failedReason };
  return { ...known, ...(error && { error }) };
}
