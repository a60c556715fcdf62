import type { Receipt } from "../backend/contract.ts";
import { isWaybillError } from "../errors.ts";
import type { JobLabel } from "../job/delivery.ts";
import type { EventBus, WaybillEvents } from "../observability/events.ts";

/** Emits `duplicate` for a conflict of unique keys, whatever became of the job. Resolves and rejects as `storing` does. */
export async function reportDuplicate(events: EventBus, job: JobLabel, storing: Promise<Receipt>): Promise<Receipt> {
  const emit = (duplicateOf: string, result: WaybillEvents["duplicate"]["result"]): void =>
    events.emit("duplicate", { ...job, duplicateOf, result });
  try {
    const receipt = await storing;
    if (receipt.duplicateOf !== undefined) emit(receipt.duplicateOf, "ignored");
    if (receipt.replaced !== undefined) emit(receipt.replaced, "replaced");
    return receipt;
  } catch (thrown) {
    if (isWaybillError(thrown, "DUPLICATE_JOB")) emit(thrown.duplicateOf, "rejected");
    throw thrown;
  }
}
