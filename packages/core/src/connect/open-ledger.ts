import { asUnavailable } from "../backend/as-unavailable.ts";
import type { BackendContext, BackendFactory } from "../backend/contract.ts";
import { keptAlive } from "../backend/keep-alive.ts";
import { type Ledger, ledgerOf } from "../backend/ledger.ts";
import { createLedgerSeam, type LedgerSeam } from "../backend/ledger-seam.ts";
import { type RecordStore, recordStoreOf } from "../backend/record-store.ts";
import { scopedLedger } from "../backend/scoped-ledger.ts";
import { isWaybillError, WaybillError } from "../errors.ts";
import type { EventBus } from "../observability/events.ts";
import { monotonicMs } from "../time/clock.ts";
import { within } from "../time/time-limit.ts";

/** The ledger of another backend, opened for a connection whose own backend has none. */
export interface BorrowedLedger {
  /** Returns its seam, for a backend of that name. The records of each name are apart. */
  seamFor(backend: string): LedgerSeam & { readonly records: RecordStore; close(): Promise<void> };
  /**
   * Resolves once the ledger is open, or has failed to open, or has not responded for 3 s. Rejects `CONFIG_INVALID` or
   * `CAPABILITY_MISSING` where no later attempt could succeed.
   */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface Borrowing {
  readonly factory: BackendFactory;
  /** How errors name it until it is open: its URL without secrets. */
  readonly address: string;
  readonly timeoutMs: number;
  readonly events: EventBus;
}

interface Opened {
  readonly ledger: Ledger;
  /** Null where it keeps no records. */
  readonly records: (scope: string) => RecordStore | null;
  readonly close: () => Promise<void>;
}

const FIRST_WAIT_MS = 3_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 15_000;
const QUIET_MS = 15_000;

type Call = "open" | keyof Ledger;

/** Nothing is leased from it, so its inbox stays as it is. */
const CONTEXT: BackendContext = {
  admit() {
    throw new WaybillError("CONFIG_INVALID", "a backend that is opened for its ledger leases nothing");
  },
  report: { rejected() {}, failed() {}, succeeded() {} },
};

/**
 * Opens a backend for its ledger alone. While it cannot be reached, opening is tried again in the background, each call rejects
 * `BACKEND_UNAVAILABLE`, and jobs that need no ledger go on.
 */
export function borrowLedger({ factory, address: given, timeoutMs, events }: Borrowing): BorrowedLedger {
  let opened: Opened | null = null;
  let address = given;
  /** Why it is not open. */
  let failure: WaybillError = new WaybillError("BACKEND_UNAVAILABLE", "it has not been opened yet");
  /** Calls that fail, and when each failed last: a ledger that can be read may still refuse every commit. */
  const failing = new Map<Call, number>();
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  function failed(name: Call, error: WaybillError): void {
    const isFirst = failing.size === 0;
    failing.set(name, monotonicMs());
    if (isFirst && !isClosed) events.emit("ledger_unavailable", { address, message: error.message });
  }

  function succeeded(name: Call): void {
    if (failing.size === 0) return;
    if (name === "open") failing.clear();
    failing.delete(name);
    // A call that nothing has made since would keep it away for ever.
    for (const [other, at] of failing) if (monotonicMs() - at > QUIET_MS) failing.delete(other);
    if (failing.size === 0) events.emit("ledger_available", { address });
  }

  async function openOnce(): Promise<void> {
    const backend = await factory(CONTEXT);
    const ledger = ledgerOf(backend);
    if (ledger !== null && !isClosed) {
      address = backend.address;
      opened = { ledger, records: (scope) => recordStoreOf(backend, scope), close: () => backend.close() };
      return succeeded("open");
    }
    await backend.close();
    if (isClosed) return;
    throw new WaybillError(
      "CAPABILITY_MISSING",
      `the backend at ${backend.address} has no ledger, so none can be borrowed from it; ` +
        'name one that has: "postgres:", "redis:" or "sqlite:"',
    );
  }

  /** Tries again until it is open. Rejects at the first attempt where no later one could succeed; afterwards each call does. */
  async function open(retryMs: number): Promise<void> {
    try {
      await openOnce();
    } catch (thrown) {
      failure = asUnavailable(thrown);
      // At the first attempt it is the error of `connect`; later it is reported, although the ledger was away already.
      if (isFinal(failure) && retryMs === FIRST_RETRY_MS) throw failure;
      if (isFinal(failure)) failing.clear();
      failed("open", failure);
      if (isFinal(failure) || isClosed) return;
      const next = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      timer = setTimeout(() => void open(next), retryMs).unref();
    }
  }

  async function call<T>(work: (ledger: Ledger) => Promise<T>): Promise<T> {
    if (opened === null) throw failure;
    return work(opened.ledger);
  }

  /** Names the ledger in errors, and reports when it goes away and returns. */
  async function heard<T>(name: Call, work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      succeeded(name);
      return result;
    } catch (thrown) {
      const error = asUnavailable(thrown);
      if (error.code !== "BACKEND_UNAVAILABLE") throw error;
      failed(name, error);
      throw new WaybillError("BACKEND_UNAVAILABLE", `the ledger at ${address} is unavailable: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** Until it is open, and where the store has no notifications, nothing is reported. */
  const watch: NonNullable<Ledger["watch"]> = (key, changed) =>
    opened?.ledger.watch?.(key, changed) ?? { isReporting: () => false, end: () => undefined };

  const { ledger, whenIdle } = createLedgerSeam(
    {
      read: (keys) => call((own) => own.read(keys)),
      commit: (changes) => call((own) => own.commit(changes)),
      list: (range) => call((own) => own.list(range)),
      due: (range) => call((own) => own.due(range)),
    },
    { timeoutMs, maxInFlight: 3 },
  );
  const watched: Ledger = {
    read: (keys) => heard("read", ledger.read(keys)),
    commit: (changes) => heard("commit", ledger.commit(changes)),
    list: (range) => heard("list", ledger.list(range)),
    due: (range) => heard("due", ledger.due(range)),
    watch,
  };
  /** The records of a backend of that name, in the store that lends the ledger. */
  function recordsFor(scope: string): RecordStore {
    async function callRecords<T>(work: (store: RecordStore) => Promise<T>): Promise<T> {
      if (opened === null) throw failure;
      const store = opened.records(scope);
      if (store !== null) return work(store);
      const remedy = 'name one that does: "postgres:", "bullmq:" or "sqlite:"';
      throw new WaybillError("CAPABILITY_MISSING", `the ledger at ${address} keeps no records of jobs; ${remedy}`);
    }
    return {
      write: (changes) => callRecords((store) => store.write(changes)),
      get: (id) => callRecords((store) => store.get(id)),
      find: (range) => callRecords((store) => store.find(range)),
      prune: (pruning) => callRecords((store) => store.prune(pruning)),
      indexTexts: () => callRecords(async (store) => store.indexTexts?.()),
    };
  }

  const opening = open(FIRST_RETRY_MS);
  opening.catch(() => undefined);

  async function close(): Promise<void> {
    isClosed = true;
    clearTimeout(timer);
    await opened?.close();
  }

  return {
    seamFor: (backend) => ({
      ledger: scopedLedger(`${backend}/`, watched),
      records: recordsFor(backend),
      whenIdle,
      close,
    }),
    ready: () => keptAlive(within(opening, FIRST_WAIT_MS)),
    close,
  };
}

const isFinal = (error: WaybillError): boolean =>
  isWaybillError(error, "CONFIG_INVALID") || isWaybillError(error, "CAPABILITY_MISSING");
