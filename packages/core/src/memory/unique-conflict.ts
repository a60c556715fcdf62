import type { Message, Receipt, Result } from "../backend/contract.ts";
import { DuplicateJobError } from "../errors.ts";
import type { Stored } from "./stored.ts";

/** Returns the result of a message whose key `rival` has; null when it takes the place of the rival. */
export function conflictOf({ id, unique }: Message, rival: Stored): Result<Receipt> | null {
  const duplicateOf = rival.message.id;
  if (duplicateOf === id) return { ok: true, value: { id, stored: false } };
  switch (unique?.onConflict) {
    case "ignore":
      return { ok: true, value: { id, stored: false, duplicateOf } };
    case "replace":
      return rival.isUntouched ? null : { ok: false, error: new DuplicateJobError(id, duplicateOf) };
    default:
      return { ok: false, error: new DuplicateJobError(id, duplicateOf) };
  }
}
