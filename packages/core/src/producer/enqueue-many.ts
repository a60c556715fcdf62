import { setTimeout as sleep } from "node:timers/promises";
import type { Result, Receipt } from "../backend/contract.ts";
import type { Capabilities } from "../backend/capabilities.ts";
import { itemFault } from "./check-enqueue-item.ts";
import type { EnqueueItem } from "./enqueue-options.ts";
import { isWaybillError, WaybillError, type WaybillErrorCode } from "../errors.ts";
import { describeValue } from "../known-options.ts";
import { errorMessage, toError } from "../values/thrown.ts";

/** Counts the results of one `enqueueMany`. */
export interface EnqueueCounts {
  /** Items in the backend, including those that were there before. */
  readonly stored: number;
  /** Items that were not stored and will not be. */
  readonly notStored: number;
  /** Items that may be stored or not: `ENQUEUE_UNKNOWN`; or that a failover may lose: `NOT_REPLICATED`. */
  readonly unknown: number;
}

/** Called with the result of one item; `index` counts from 0. A returned promise is awaited, which slows the reading. */
export type EnqueueListener<Item> = (result: Result<Receipt>, item: Item, index: number) => Promise<void> | void;

export interface BulkSettings {
  readonly capabilities: Capabilities;
  /** Most bytes of bodies in flight. Beyond it no item is read. */
  readonly windowBytes: number;
  /** Once the backend has refused items and stored none for this long, no further item is read. */
  readonly timeoutMs: number;
  /** Calls `sized` with the length of the body each time it is made: twice where a trace makes it too large. */
  readonly enqueue: (item: EnqueueItem, sized: (bytes: number) => void) => Promise<Receipt>;
}

interface Trouble {
  readonly error: WaybillError;
  /** When the first item that failed by it was read, or when another item was stored, whichever is later. */
  readonly since: number;
}

/** Counts of one run. `stoppedBy` is null when the source ended. */
interface Bulk extends EnqueueCounts {
  readonly read: number;
  readonly stoppedBy: WaybillError | null;
}

/** Yields to the event loop after this much work, so that timers and sockets of the program are served. */
const SLICE_MS = 8;
/** Between two items while the backend stores none. */
const PROBE_MS = 200;
const MOST_ITEMS = 4_000;

/** Errors that mean that the backend stores nothing for now, whatever the item. */
const TROUBLE: ReadonlySet<WaybillErrorCode> = new Set([
  "BACKEND_UNAVAILABLE",
  "ENQUEUE_UNKNOWN",
  "NOT_REPLICATED",
  "BACKEND_FULL",
]);
/** The same item is to be enqueued again, with its id. */
const UNKNOWN: ReadonlySet<WaybillErrorCode> = new Set(["ENQUEUE_UNKNOWN", "NOT_REPLICATED"]);

/** Implements both forms of `Producer.enqueueMany`: an array, or an iterable with a listener. */
export async function enqueueMany(
  source: unknown,
  listener: EnqueueListener<EnqueueItem> | undefined,
  settings: BulkSettings,
): Promise<Result<Receipt>[] | EnqueueCounts> {
  if (listener !== undefined) {
    if (typeof listener !== "function") {
      throw refused(
        `the second argument of enqueueMany is ${describeValue(listener)}: pass a function of (result, item, index)`,
      );
    }
    if (!isIterable(source))
      throw refused(`enqueueMany got ${describeValue(source)}: pass an array or another iterable of { job, payload }`);
    const { stored, notStored, unknown, stoppedBy } = await enqueueAll(source, listener, settings);
    if (stoppedBy !== null) throw stoppedBy;
    return { stored, notStored, unknown };
  }
  if (!Array.isArray(source)) {
    throw refused(
      `enqueueMany got ${describeValue(source)}: pass an array of { job, payload }, or an iterable and a function of (result, item, index)`,
    );
  }
  const items: readonly EnqueueItem[] = source;
  const results: Result<Receipt>[] = [];
  const { read, stoppedBy } = await enqueueAll(items, (result, _, at) => void (results[at] = result), settings);
  if (stoppedBy !== null) for (let at = read; at < items.length; at++) results[at] = { ok: false, error: stoppedBy };
  return results;
}

type Items = Iterable<EnqueueItem> | AsyncIterable<EnqueueItem>;

function isIterable(source: unknown): source is Items {
  return typeof source === "object" && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source);
}

function refused(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}

/**
 * Enqueues the items of `source`, with as many in flight as the backend can use. Resolves when the listener was called for
 * each item that was read. An item that fails does not reject it. Rejects with an error of `source` or of the listener, once the
 * items in flight have ended.
 */
async function enqueueAll(
  source: Items,
  listener: EnqueueListener<EnqueueItem>,
  { capabilities, windowBytes, timeoutMs, enqueue }: BulkSettings,
): Promise<Bulk> {
  const window = windowOf(capabilities);
  const totals = { stored: 0, notStored: 0, unknown: 0 };
  let read = 0;
  let open = 0;
  let bytes = 0;
  /** Why the backend stores nothing for now. Null while it does. */
  let trouble: Trouble | null = null;
  let storedAt = -Infinity;
  let sliceAt = performance.now();
  let broken: { readonly thrown: unknown } | null = null;
  let stoppedBy: WaybillError | null = null;
  let changed = (): void => undefined;

  async function one(item: EnqueueItem, index: number): Promise<void> {
    const startedAt = performance.now();
    let size = 0;
    const fault = itemFault(item);
    const result = await resultOf(
      fault === null
        ? enqueue(item, (length) => {
            bytes += length - size;
            size = length;
          })
        : Promise.reject(fault),
    );
    bytes -= size;
    count(result, startedAt);
    try {
      const slow = broken === null ? listener(result, item, index) : undefined;
      if (slow !== undefined) await slow;
    } catch (thrown) {
      broken = { thrown };
    }
    open -= 1;
    changed();
  }

  function count(result: Result<Receipt>, startedAt: number): void {
    if (result.ok) {
      totals.stored += 1;
      storedAt = performance.now();
      trouble = null;
      return;
    }
    const { error } = result;
    totals[UNKNOWN.has(error.code) ? "unknown" : "notStored"] += 1;
    if (error.code === "BACKEND_CLOSED") stoppedBy = error;
    if (TROUBLE.has(error.code)) trouble = { error, since: trouble?.since ?? Math.max(startedAt, storedAt) };
  }

  const change = (): Promise<void> => new Promise((resolve) => (changed = resolve));

  const isFull = (): boolean => open >= (trouble === null ? window : 1) || bytes >= windowBytes;

  /** Returns null if the next item may be read at once. */
  function whenRead(): Promise<void> | null {
    if (trouble === null && !isFull() && performance.now() - sliceAt < SLICE_MS) return null;
    return pause();
  }

  async function pause(): Promise<void> {
    while (isFull()) await change();
    if (trouble === null) await new Promise((resolve) => setImmediate(resolve));
    else if (!isOver()) await sleep(PROBE_MS);
    sliceAt = performance.now();
  }

  /** Whether to read no further. */
  function isOver(): boolean {
    if (trouble !== null && performance.now() - trouble.since >= timeoutMs) {
      stoppedBy = stopped(read, timeoutMs, trouble.error);
    }
    return broken !== null || stoppedBy !== null;
  }

  /** Returns a promise to await before the next item is read, or null. */
  function next(item: EnqueueItem): Promise<void> | null {
    open += 1;
    void one(item, read++);
    return whenRead();
  }

  const isBusy = (): boolean => open > 0;

  try {
    if (Symbol.asyncIterator in source) {
      for await (const item of source) {
        await next(item);
        if (isOver()) break;
      }
    } else {
      for (const item of source) {
        const wait = next(item);
        if (wait !== null) await wait;
        if (isOver()) break;
      }
    }
  } finally {
    while (isBusy()) await change();
  }
  if (broken !== null) throw (broken as { readonly thrown: unknown }).thrown;
  return { ...totals, read, stoppedBy };
}

/** Enough items to fill each call that the backend can use, and the next ones. */
function windowOf({ maxBatch, maxInFlight }: Capabilities): number {
  return Math.min(maxBatch * (maxInFlight === Infinity ? 1 : 2 * maxInFlight), MOST_ITEMS);
}

async function resultOf(enqueued: Promise<Receipt>): Promise<Result<Receipt>> {
  try {
    return { ok: true, value: await enqueued };
  } catch (thrown) {
    if (isWaybillError(thrown)) return { ok: false, error: thrown };
    const error = toError(thrown);
    return { ok: false, error: new WaybillError("CONFIG_INVALID", errorMessage(error), { cause: error }) };
  }
}

function stopped(read: number, timeoutMs: number, cause: WaybillError): WaybillError {
  const text = `enqueueMany stopped after ${read} items, since the backend has stored nothing for ${timeoutMs} ms; what follows was not sent`;
  return new WaybillError("BACKEND_UNAVAILABLE", text, { cause });
}
