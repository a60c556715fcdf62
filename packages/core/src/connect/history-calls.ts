import type { Inspector, QueueCounts } from "../backend/inspector.ts";
import type { Seam } from "../backend/seam.ts";
import type { History, HistoryQuery } from "../features/history/history-api.ts";
import type { HistoryKeeper } from "../features/history/history.ts";
import type { EventBus } from "../observability/events.ts";
import { within } from "../time/time-limit.ts";
import { createEarlyEnds } from "./early-ends.ts";

/** The history of one connection. Its code is loaded by the first request for it. */
export interface HistoryCalls {
  readonly history: (query?: HistoryQuery) => Promise<History>;
  /** A first worker has started. Its ends are kept until it has looked whether the history is requested. */
  began(): void;
  /** A worker has looked whether the history is requested. */
  looked(isRequested: boolean): void;
  /** The jobs of the backend were counted. */
  counted(counts: readonly QueueCounts[]): void;
  /** Writes what was counted, for `limitMs` at most. Never rejects. */
  end(limitMs: number): Promise<void>;
}

export function createHistoryCalls(
  { ledger }: Pick<Seam, "ledger">,
  events: EventBus,
  inspector: () => Inspector | null,
): HistoryCalls {
  let loading: Promise<HistoryKeeper> | null = null;
  let keeper: HistoryKeeper | null = null;
  const early = createEarlyEnds(events);

  const load = (): Promise<HistoryKeeper> =>
    (loading ??= import("../features/history/history.ts").then(
      ({ createHistory }) => (keeper = createHistory({ ledger, events, early: early.take, inspector })),
    ));

  return {
    history: async (query = {}) => (await load()).read(query),
    began() {
      if (loading === null) early.begin();
    },
    looked(isRequested) {
      if (isRequested) void load().then(({ begin }) => begin());
      else if (loading === null) early.take();
    },
    counted: (counts) => keeper?.sample(counts),
    async end(limitMs) {
      if (keeper !== null) await within(keeper.end(), limitMs);
    },
  };
}
