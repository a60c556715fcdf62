import type { EventBus } from "../observability/events.ts";
import type { OutcomeEvent } from "../observability/job-events.ts";

type Settled = OutcomeEvent & { readonly at: number };

/** The ends of a worker's first jobs, kept until its first look, which finds out whether the history is requested. */
export interface EarlyEnds {
  /** Keeps those from now on, after a first worker has started. Does nothing if it does already. */
  begin(): void;
  /** Those kept, oldest first; keeps no more. */
  take(): readonly Settled[];
}

/** About what a worker ends between its start and a first look that comes late. Any further one is not counted. */
const MOST_ENDS = 10_000;

export function createEarlyEnds(events: EventBus): EarlyEnds {
  let kept: Settled[] = [];
  let unsubscribe: (() => void) | null = null;
  return {
    begin() {
      unsubscribe ??= events.on("settled", (event) => {
        if (kept.length < MOST_ENDS) kept.push(event);
      });
    },
    take() {
      unsubscribe?.();
      unsubscribe = null;
      const taken = kept;
      kept = [];
      return taken;
    },
  };
}
