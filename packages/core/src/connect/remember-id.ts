import type { ProducerSeam } from "../backend/producer-seam.ts";
import { WaybillError } from "../errors.ts";
import { createIdMemory, type IdMemory } from "../features/once/id-memory.ts";
import { rememberingSeam } from "../features/once/remembering-seam.ts";
import { type Duration, durationMs } from "../time/duration.ts";

/** The memory of finished ids, and the seam that stores no job of one. */
export interface FinishedIds<S extends ProducerSeam> {
  readonly ids: IdMemory;
  readonly sending: S;
}

/**
 * Rejects `CONFIG_INVALID` for a duration that cannot work, and `CAPABILITY_MISSING` without a ledger, after closing the
 * connection.
 */
export async function rememberedIds<S extends ProducerSeam>(rememberIds: Duration, seam: S): Promise<FinishedIds<S>> {
  try {
    const keepMs = durationMs(rememberIds, "rememberIds");
    if (keepMs === 0)
      throw new WaybillError("CONFIG_INVALID", 'rememberIds is 0: give a time, such as "1d", or leave it out');
    if (seam.ledger === null) {
      throw new WaybillError(
        "CAPABILITY_MISSING",
        `rememberIds needs a ledger, which ${seam.backend.address} does not have: give the connection one of another backend, as in { ledger: "postgres://…" }`,
      );
    }
    const ids = createIdMemory({ ledger: seam.ledger, keepMs, uniqueIds: seam.backend.capabilities.uniqueIds });
    return { ids, sending: rememberingSeam(seam, ids) };
  } catch (thrown) {
    await seam.close();
    throw thrown;
  }
}
