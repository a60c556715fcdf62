import type { Report } from "../../backend/contract.ts";
import { pause } from "../../time/pause.ts";
import { toError } from "../../values/thrown.ts";
import type { DeliveredKeys, KeptKey } from "./delivered-keys.ts";
import { ENDING_MS } from "./key-record.ts";

/** Frees the keys of jobs whose end is stored, which would expire within a minute. */
export interface KeyFreeing {
  /** Frees a key, in the background while the ledger cannot be reached, until `closed` aborts. */
  freeSoon(kept: KeptKey): void;
  /** Resolves when each key that is being freed is free, or is tried again later. */
  whenTried(): Promise<void>;
}

export function createKeyFreeing(
  { free }: Pick<DeliveredKeys, "free">,
  report: Pick<Report, "failed" | "succeeded">,
  closed: AbortSignal,
): KeyFreeing {
  const pending = new Set<Promise<void>>();

  async function retryFree(kept: KeptKey): Promise<void> {
    for (let waitMs = 250; waitMs < ENDING_MS; waitMs *= 2) {
      await pause(waitMs, closed);
      if (closed.aborted) return;
      try {
        await free(kept);
        report.succeeded("unique keys");
        return;
      } catch {
        // Reported when it failed first.
      }
    }
  }

  return {
    freeSoon(kept) {
      const first = free(kept).catch((thrown: unknown) => {
        report.failed("unique keys", toError(thrown));
        void retryFree(kept);
      });
      pending.add(first);
      void first.finally(() => pending.delete(first));
    },
    async whenTried() {
      await Promise.all(pending);
    },
  };
}
