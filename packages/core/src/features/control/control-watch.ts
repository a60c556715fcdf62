import type { Lease } from "../../backend/contract.ts";
import type { JobControl } from "../../backend/job-control.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { isWaybillError, WaybillError } from "../../errors.ts";
import { endedByCancel, type Outcome, release } from "../../job/outcome.ts";
import { within } from "../../time/time-limit.ts";
import { type Pause, readPauses } from "./control-records.ts";
import { createKnownCancels } from "./known-cancels.ts";

/** What a worker knows of the pauses and cancels in its ledger. */
export interface ControlWatch {
  /**
   * Reads for the first time. Resolves once that has ended, and after 2 s at the latest: without a result nothing counts as
   * paused until a read succeeds.
   */
  begin(): Promise<void>;
  /** Reads soon, since something has changed. */
  wake(): void;
  end(): void;
  isPaused(queue: string): boolean;
  /** The types that are paused, in order; the same list until they change. */
  readonly pausedTypes: readonly string[];
  /** Why a leased job is not to run; null when it is, unless `isCancelled` says otherwise later. */
  refusal(lease: Lease): Outcome | null;
  /** Whether its job was cancelled, so that it is not to run, or its run is to be aborted. A promise where that is looked up. */
  isCancelled(lease: Lease): boolean | Promise<boolean>;
  /** The job has ended: removes its cancel, so that its id may be enqueued again. */
  ended(id: string): void;
  /** Calls the listener after each read that found something else than the one before. Returns the function that unsubscribes it. */
  onChange(listener: () => void): () => void;
}

export interface ControlWatchSettings {
  readonly ledger: Ledger;
  /** Null where the backend cannot find jobs. */
  readonly jobControl: Pick<JobControl, "list"> | null;
  /** Between two reads, in milliseconds. */
  readonly everyMs: number;
  /** Called for each queue and type that is now paused, or no longer. */
  readonly changed: (pause: Pause, isPaused: boolean) => void;
  /** Called when a read fails, and when one succeeds. */
  readonly failed: (error: unknown) => void;
  readonly succeeded: () => void;
}

/** A ledger that does not respond delays the first lease by this much at most: jobs may need nothing of it. */
const FIRST_READ_MS = 2_000;
const SHORTEST_RELEASE_MS = 1_000;
const LONGEST_RELEASE_MS = 30_000;

export function createControlWatch(settings: ControlWatchSettings): ControlWatch {
  const { ledger, everyMs } = settings;
  const listeners = new Set<() => void>();
  const queues = new Map<string, Pause>();
  const types = new Map<string, Pause>();
  let pausedTypes: readonly string[] = [];
  const cancels = createKnownCancels(ledger, settings.jobControl);
  let timer: NodeJS.Timeout | undefined;
  let reading: Promise<void> | null = null;
  let isWoken = false;
  let hasEnded = false;

  /** Replaces one map, and reports what has come and gone. Returns whether anything has. */
  function replace(known: Map<string, Pause>, found: readonly (readonly [string, Pause])[]): boolean {
    const now = new Map(found);
    let isOther = false;
    for (const [name, pause] of known) {
      if (now.has(name)) continue;
      known.delete(name);
      settings.changed(pause, false);
      isOther = true;
    }
    for (const [name, pause] of now) {
      if (known.has(name)) continue;
      known.set(name, pause);
      settings.changed(pause, true);
      isOther = true;
    }
    return isOther;
  }

  function apply(pauses: readonly Pause[]): void {
    const queuePauses = pauses.flatMap((pause) => ("queue" in pause ? [[pause.queue, pause] as const] : []));
    const typePauses = pauses.flatMap((pause) => ("type" in pause ? [[pause.type, pause] as const] : []));
    const hasOtherQueues = replace(queues, queuePauses);
    const hasOtherTypes = replace(types, typePauses);
    if (hasOtherTypes) pausedTypes = [...types.keys()].toSorted();
    if (hasOtherQueues || hasOtherTypes || cancels.size > 0) for (const listener of listeners) listener();
  }

  async function read(): Promise<void> {
    try {
      const [pauses] = await Promise.all([readPauses(ledger), cancels.read()]);
      settings.succeeded();
      if (!hasEnded) apply(pauses);
    } catch (thrown) {
      if (!isWaybillError(thrown, "BACKEND_CLOSED")) settings.failed(thrown);
    }
  }

  async function round(): Promise<void> {
    clearTimeout(timer);
    isWoken = false;
    await read();
    reading = null;
    if (hasEnded) return;
    // What changed during the read may not be in it.
    if (isWoken) void start();
    else timer = setTimeout(start, everyMs);
  }

  function start(): Promise<void> {
    return (reading ??= round());
  }

  return {
    async begin() {
      let isOver = false;
      const first = start().then(() => (isOver = true));
      await within(first, FIRST_READ_MS);
      if (!isOver && !hasEnded) settings.failed(unknownYet());
    },
    wake() {
      if (hasEnded) return;
      isWoken = true;
      void start();
    },
    end() {
      hasEnded = true;
      clearTimeout(timer);
    },
    isPaused: (queue) => queues.has(queue),
    get pausedTypes() {
      return pausedTypes;
    },
    isCancelled: (lease) => cancels.size > 0 && cancels.isCancelled(lease),
    refusal(lease) {
      if (cancels.size > 0 && cancels.isCancelled(lease) === true) return endedByCancel;
      if (queues.has(lease.queue)) return release(SHORTEST_RELEASE_MS, "PAUSED", `queue "${lease.queue}" is paused`);
      if (!types.has(lease.type)) return null;
      const delayMs = Math.min(SHORTEST_RELEASE_MS * 2 ** Math.min(lease.releases, 5), LONGEST_RELEASE_MS);
      return release(delayMs, "PAUSED", `jobs of type "${lease.type}" are paused`);
    },
    ended: (id) => cancels.ended(id),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function unknownYet(): WaybillError {
  const text = `the ledger has not responded within ${FIRST_READ_MS} ms; until it does, nothing counts as paused or cancelled`;
  return new WaybillError("BACKEND_UNAVAILABLE", text);
}
