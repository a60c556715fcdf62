import { asUnavailable } from "../../backend/as-unavailable.ts";
import { mergeRecord } from "../../backend/merge-record.ts";
import type { RecordChange, RecordStore } from "../../backend/record-store.ts";
import { isWaybillError, type WaybillError } from "../../errors.ts";
import type { EventBus } from "../../observability/events.ts";
import { monotonicMs } from "../../time/clock.ts";
import { within } from "../../time/time-limit.ts";

export interface RecordBufferSettings {
  readonly store: Pick<RecordStore, "write" | "writers">;
  /** Names the store in events. */
  readonly address: string;
  readonly events: EventBus;
  /** Called before a write, at most twice in `everyMs`, and before each flush, to add what changes often. */
  readonly gather: () => void;
  /** Between two writes, in milliseconds, unless many changes wait. */
  readonly everyMs: number;
  /** The most changes that wait, and the most characters of theirs. More are dropped and counted. */
  readonly most: number;
  readonly mostChars: number;
}

/** Changes of records that wait to be written. */
export interface RecordBuffer {
  add(change: RecordChange): void;
  /** There is something for `gather`. */
  wake(): void;
  /** Resolves once what waits now is written, or a write has failed. Never rejects. */
  flush(): Promise<void>;
  /** Flushes for `limitMs` at most, and writes nothing afterwards. */
  end(limitMs: number): Promise<void>;
  /** Calls the listener after each write. Returns the function that unsubscribes it. */
  onWritten(listener: () => void): () => void;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const BATCH = 500;
const LONGEST_WAIT_MS = 15_000;

/** Gathers changes, merges those of one job, and writes them in batches, as many at once as the store has writers. Jobs never wait for it. */
export function createRecordBuffer(settings: RecordBufferSettings): RecordBuffer {
  const { store, address, events, everyMs } = settings;
  const { writers = 1 } = store;
  let waiting = new Map<string, RecordChange>();
  let chars = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<boolean> | null = null;
  let failures = 0;
  let gatheredAt = -Infinity;
  let isGatherLeft = false;
  let dropped = 0;
  let hasEnded = false;
  const listeners = new Set<() => void>();
  /** Changes that have left the buffer, and who waits until so many have. */
  let left = 0;
  let flushing: { readonly until: number; readonly resolve: () => void }[] = [];
  let inBatch = 0;

  function put(change: RecordChange): void {
    const old = waiting.get(change.id);
    if (old === undefined && (waiting.size >= settings.most || chars >= settings.mostChars)) {
      dropped += 1;
      return;
    }
    waiting.set(change.id, old === undefined ? change : mergeRecord(old, change));
    chars += sizeOf(change) - (old?.payload == null ? 0 : (change.payload?.length ?? 0));
  }

  function wake(): void {
    if (hasEnded || writing !== null) return;
    if (failures === 0 && waiting.size >= BATCH) void run();
    else timer ??= setTimeout(() => void run(), everyMs).unref();
  }

  /** Writes until few changes wait and no flush does, or a write fails. Returns whether it wrote. */
  function run(): Promise<boolean> {
    clearTimeout(timer);
    timer = undefined;
    // In a turn of its own: `gather` adds, and what adds may call this.
    writing ??= nextTurn()
      .then(writeAll)
      .finally(() => {
        writing = null;
        if (failures > 0 && !hasEnded) {
          const waitMs = Math.min(everyMs * 2 ** failures, LONGEST_WAIT_MS);
          timer ??= setTimeout(() => void run(), waitMs).unref();
        } else if (waiting.size > 0 || isGatherLeft) wake();
      });
    return writing;
  }

  function gather(): void {
    gatheredAt = monotonicMs();
    settings.gather();
  }

  async function writeAll(): Promise<boolean> {
    // Many changes wait before the interval is over: most runs that began in it end before they need a write of their own.
    isGatherLeft = monotonicMs() - gatheredAt < everyMs / 2;
    if (!isGatherLeft) gather();
    while (waiting.size > 0) {
      const batches = [nextBatch()];
      // No two have the same job, so none waits for another.
      while (waiting.size >= BATCH && batches.length < writers) batches.push(nextBatch());
      const results = await Promise.all(batches.map(writeBatch));
      const error = results.find((result) => result !== null);
      if (error != null) {
        failures += 1;
        addAgain(batches.flatMap((batch, at) => (results[at] === null ? [] : batch)));
        inBatch = 0;
        for (const { resolve } of flushing.splice(0)) resolve();
        if (failures === 1) events.emit("records_unavailable", { address, message: error.message });
        return false;
      }
      written();
      if (waiting.size < BATCH && flushing.length === 0) return true;
    }
    return true;
  }

  /** Returns the error of a store that is away. */
  async function writeBatch(batch: readonly RecordChange[]): Promise<WaybillError | null> {
    try {
      await store.write(batch);
    } catch (thrown) {
      const error = asUnavailable(thrown);
      if (isWaybillError(error, "BACKEND_UNAVAILABLE") || isWaybillError(error, "BACKEND_FULL")) return error;
      await writeEach(batch);
    }
    return null;
  }

  /** The store refuses a batch: one change must not keep out the others. */
  async function writeEach(batch: readonly RecordChange[]): Promise<void> {
    for (const change of batch) {
      try {
        await store.write([change]);
      } catch {
        dropped += 1;
      }
    }
  }

  function nextBatch(): RecordChange[] {
    const batch: RecordChange[] = [];
    for (const change of waiting.values()) {
      if (batch.length === BATCH) break;
      batch.push(change);
      waiting.delete(change.id);
    }
    inBatch += batch.length;
    if (waiting.size === 0) chars = 0;
    else for (const change of batch) chars -= sizeOf(change);
    return batch;
  }

  /** In front of what came since, and merged with it. */
  function addAgain(batch: readonly RecordChange[]): void {
    const since = waiting;
    waiting = new Map();
    chars = 0;
    for (const change of batch) put(change);
    for (const change of since.values()) put(change);
  }

  function written(): void {
    if (failures > 0) events.emit("records_available", { address });
    failures = 0;
    reportDropped();
    left += inBatch;
    inBatch = 0;
    for (const { resolve } of flushing.filter(({ until }) => until <= left)) resolve();
    flushing = flushing.filter(({ until }) => until > left);
    for (const listener of listeners) listener();
  }

  function reportDropped(): void {
    if (dropped > 0) events.emit("records_dropped", { address, count: dropped });
    dropped = 0;
  }

  /** What comes while it waits may be written later: with many jobs there is always something. */
  async function flush(): Promise<void> {
    if (hasEnded) return;
    gather();
    const until = left + inBatch + waiting.size;
    if (until === left) return;
    await new Promise<void>((resolve) => {
      flushing.push({ until, resolve });
      void run();
    });
  }

  return {
    add(change) {
      put(change);
      wake();
    },
    wake,
    flush,
    async end(limitMs) {
      await within(flush(), limitMs);
      hasEnded = true;
      clearTimeout(timer);
      dropped += waiting.size + inBatch;
      waiting.clear();
      reportDropped();
    },
    onWritten(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Characters of what can be long. */
function sizeOf({ payload, items }: RecordChange): number {
  let size = payload?.length ?? 0;
  for (const name in items) size += items[name]?.length ?? 0;
  return size;
}
