import type { Ledger, LedgerWatch } from "../../backend/ledger.ts";
import type { EventBus } from "../../observability/events.ts";
import { resultKey } from "./result-record.ts";

/**
 * Wakes the wait for the result of one job by what this process does to the job, and by the notifications of the ledger where it
 * has them.
 */
export interface ResultNotifier {
  /**
   * Resolves once a worker of this connection has settled the job, this connection has cancelled it, the ledger has reported its
   * result, or after `ms`.
   */
  within(ms: number): Promise<void>;
  /** Whether this connection has cancelled the job while it waited. */
  isCancelled(): boolean;
  /** Whether the ledger reports the result. */
  isReporting(): boolean;
  /** Stops listening. */
  end(): void;
}

export function resultNotifier(events: EventBus, id: string, ledger: Pick<Ledger, "watch">): ResultNotifier {
  let isCancelled = false;
  let isHeard = false;
  let wake: (() => void) | null = null;
  let watch: LedgerWatch | null = null;
  const heard = (): void => {
    isHeard = true;
    wake?.();
  };
  const offs = [
    events.on("settled", (event) => void (event.id === id && heard())),
    events.on("cancelled", (event) => {
      if (event.id !== id) return;
      isCancelled = true;
      heard();
    }),
  ];
  return {
    async within(ms) {
      // A result that the first look finds needs no watch.
      watch ??= ledger.watch?.(resultKey(id), heard) ?? null;
      // What was heard while the store was read must not wait for the next look.
      if (!isHeard) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = null;
      isHeard = false;
    },
    isCancelled: () => isCancelled,
    isReporting: () => watch?.isReporting() === true,
    end() {
      for (const off of offs) off();
      watch?.end();
    },
  };
}
