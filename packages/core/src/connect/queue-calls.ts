import type { HistoryCalls } from "./history-calls.ts";
import type { Inspector } from "../backend/inspector.ts";
import { liveWorkers } from "../backend/live-worker.ts";
import { type QueueWithoutWorker, queuesWithoutWorker } from "../backend/queues-without-worker.ts";
import type { Seam } from "../backend/seam.ts";
import { WaybillError } from "../errors.ts";
import type { KnownQueues } from "../features/queues/known-queues.ts";
import { HISTORY_REQUEST_KEY } from "../features/history/history-request.ts";
import { createWorkerCheck } from "../features/queues/worker-check.ts";
import { describeValue } from "../known-options.ts";
import { createLedger } from "../memory/ledger.ts";
import type { EventBus } from "../observability/events.ts";
import { pause } from "../time/pause.ts";

/** What a connection does with its queues as a whole. */
export interface QueueCalls {
  /** The backend's inspector, which also counts the queues that are known from the ledger where the backend cannot list its own. */
  readonly inspector: Inspector | null;
  queuesWithoutWorker(): Promise<QueueWithoutWorker[]>;
}

export interface QueueCallsSettings {
  readonly seam: Seam;
  readonly events: EventBus;
  /** Null without a ledger. */
  readonly known: KnownQueues | null;
  /** Whether the ledger is that of another backend: the backend itself may be unable to list its queues. */
  readonly isBorrowed: boolean;
  /** Those that this connection declares. */
  readonly declared: readonly string[];
  readonly history: Pick<HistoryCalls, "began" | "looked" | "counted">;
}

const CHECK_EVERY_MS = 30_000;
const REPORT_AFTER_MS = 30_000;
/** So that looks cost a store with many jobs at most a 300th of its time. */
const REST_FACTOR = 300;
/** The counts are worth more than the names of queues that only the ledger knows. */
const NAMES_MS = 1_000;

export function createQueueCalls(settings: QueueCallsSettings): QueueCalls {
  const { seam, events, known, isBorrowed, declared, history } = settings;
  const own = seam.inspector;

  async function names(): Promise<string[]> {
    if (!isBorrowed || known === null) return [...declared];
    const listed = known.list().then(
      (queues) => [...queues.keys()],
      () => [],
    );
    return [...declared, ...((await Promise.race([listed, pause(NAMES_MS)])) ?? [])];
  }

  const inspector: Inspector | null = own && {
    ...own,
    async counts(named = []) {
      if (!Array.isArray(named))
        throw new WaybillError(
          "CONFIG_INVALID",
          `counts got ${describeValue(named)}: pass a list of names of queues, such as ["mailers"]`,
        );
      return own.counts([...new Set([...named, ...(await names())])]);
    },
  };

  async function find(): Promise<QueueWithoutWorker[]> {
    if (inspector === null) {
      const remedy = "look at the tools of the backend itself";
      throw new WaybillError("CAPABILITY_MISSING", `${seam.backend.address} cannot count its jobs; ${remedy}`);
    }
    const [counts, workers, listed] = await Promise.all([inspector.counts(), liveWorkers(seam), known?.list()]);
    history.counted(counts);
    const all = [...(listed ?? [])].filter(([, isDeclared]) => isDeclared).map(([queue]) => queue);
    return queuesWithoutWorker(counts, workers, new Set([...declared, ...all]));
  }

  if (inspector !== null && seam.workerRegistry !== null) watch(seam, events, find, history);
  return { inspector, queuesWithoutWorker: find };
}

/** Looks for queues without a worker while any worker of this connection runs. */
function watch(
  seam: Seam,
  events: EventBus,
  find: () => Promise<QueueWithoutWorker[]>,
  history: QueueCallsSettings["history"],
): void {
  let version = 0;
  // Without a ledger this process looks by itself.
  const ledger = seam.ledger ?? createLedger(() => ++version);
  const times = { everyMs: CHECK_EVERY_MS, afterMs: REPORT_AFTER_MS, restFactor: REST_FACTOR };
  const check = createWorkerCheck({
    ledger,
    find,
    events,
    also: { key: HISTORY_REQUEST_KEY, looked: history.looked },
    ...times,
  });
  const running = new Set<string>();
  events.on("booted", ({ worker }) => {
    if (worker === undefined) return;
    if (running.size === 0) history.began();
    running.add(worker);
    check.begin();
  });
  events.on("stopped", ({ worker }) => {
    running.delete(worker);
    if (running.size === 0) check.end();
  });
}
