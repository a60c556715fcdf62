import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Receipt } from "./backend.ts";
import type { Capabilities } from "./capabilities.ts";
import type { EnqueueItem } from "./enqueue-options.ts";
import { isWaybillError, WaybillError, type WaybillErrorCode } from "./errors.ts";
import { errorMessage, toError } from "./thrown.ts";

/** What became of the items of one `enqueueMany`, counted. */
export interface EnqueueCounts {
  /** In the backend, those that were there already included. */
  readonly stored: number;
  /** Not in the backend, and never will be by this call. */
  readonly notStored: number;
  /** Handed over and not answered: `ENQUEUE_UNKNOWN`. */
  readonly unknown: number;
}

/** Hears what became of one item; `index` counts from 0. A promise that it returns is waited for, and slows the reading. */
export type EnqueueListener<Item> = (result: Answer<Receipt>, item: Item, index: number) => Promise<void> | void;

export interface BulkSettings {
  readonly capabilities: Capabilities;
  /** Of bodies on their way; beyond it nothing more is read. */
  readonly windowBytes: number;
  /** With nothing stored for this long, and an error that says so, no further item is read. */
  readonly timeoutMs: number;
  /** `sized` hears the length of the body once it is made. */
  readonly enqueue: (item: EnqueueItem, sized: (bytes: number) => void) => Promise<Receipt>;
}

interface Trouble {
  readonly error: WaybillError;
  /** When the first item that failed by it was read, or another was stored after that. */
  readonly since: number;
}

/** How much was read, and why no more; null: the source ended. */
interface Bulk extends EnqueueCounts {
  readonly read: number;
  readonly stoppedBy: WaybillError | null;
}

/** The loop is handed on after this much work, so that timers and sockets of the program are served. */
const SLICE_MS = 8;
/** Between items that are sent while the backend takes none. */
const PROBE_MS = 200;
const MOST_ITEMS = 4_000;

/** What says that the backend takes nothing for now, whatever the item. */
const TROUBLE: ReadonlySet<WaybillErrorCode> = new Set(["BACKEND_UNAVAILABLE", "ENQUEUE_UNKNOWN", "BACKEND_FULL"]);

/** The two forms of `Producer.enqueueMany`: an array alone, or what can be iterated and who hears of it. */
export async function enqueueMany(
  source: unknown,
  told: EnqueueListener<EnqueueItem> | undefined,
  settings: BulkSettings,
): Promise<Answer<Receipt>[] | EnqueueCounts> {
  if (told !== undefined) {
    if (!isIterable(source)) throw refused("enqueueMany takes an array or another iterable of { job, payload }");
    const { stored, notStored, unknown, stoppedBy } = await enqueueAll(source, told, settings);
    if (stoppedBy !== null) throw stoppedBy;
    return { stored, notStored, unknown };
  }
  if (!Array.isArray(source)) {
    throw refused("enqueueMany of anything but an array takes a function too, which hears what became of each item");
  }
  const items: readonly EnqueueItem[] = source;
  const answers: Answer<Receipt>[] = [];
  const { read, stoppedBy } = await enqueueAll(items, (answer, _, at) => void (answers[at] = answer), settings);
  if (stoppedBy !== null) for (let at = read; at < items.length; at++) answers[at] = { ok: false, error: stoppedBy };
  return answers;
}

type Items = Iterable<EnqueueItem> | AsyncIterable<EnqueueItem>;

function isIterable(source: unknown): source is Items {
  return typeof source === "object" && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source);
}

function refused(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}

/**
 * Enqueues what `source` yields, as many at once as the backend has use for. Resolves once each item that was read has
 * been told; never rejects for an item's sake. Rejects with what `source` or `told` throws, once the others have ended.
 */
async function enqueueAll(
  source: Items,
  told: EnqueueListener<EnqueueItem>,
  { capabilities, windowBytes, timeoutMs, enqueue }: BulkSettings,
): Promise<Bulk> {
  const window = windowOf(capabilities);
  const totals = { stored: 0, notStored: 0, unknown: 0 };
  let read = 0;
  let open = 0;
  let bytes = 0;
  /** Why the backend takes nothing for now; null while it does. */
  let trouble: Trouble | null = null;
  let storedAt = -Infinity;
  let sliceAt = performance.now();
  let broken: { readonly thrown: unknown } | null = null;
  let stoppedBy: WaybillError | null = null;
  let changed = (): void => undefined;

  async function one(item: EnqueueItem, index: number): Promise<void> {
    const startedAt = performance.now();
    let size = 0;
    const result = await answerOf(
      enqueue(item, (length) => {
        size = length;
        bytes += length;
      }),
    );
    bytes -= size;
    count(result, startedAt);
    try {
      const slow = broken === null ? told(result, item, index) : undefined;
      if (slow !== undefined) await slow;
    } catch (thrown) {
      broken = { thrown };
    }
    open -= 1;
    changed();
  }

  function count(result: Answer<Receipt>, startedAt: number): void {
    if (result.ok) {
      totals.stored += 1;
      storedAt = performance.now();
      trouble = null;
      return;
    }
    const { error } = result;
    totals[error.code === "ENQUEUE_UNKNOWN" ? "unknown" : "notStored"] += 1;
    if (error.code === "BACKEND_CLOSED") stoppedBy = error;
    if (TROUBLE.has(error.code)) trouble = { error, since: trouble?.since ?? Math.max(startedAt, storedAt) };
  }

  const change = (): Promise<void> => new Promise((resolve) => (changed = resolve));

  const isFull = (): boolean => open >= (trouble === null ? window : 1) || bytes >= windowBytes;

  /** Null: the next item may be read at once. */
  function room(): Promise<void> | null {
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

  /** Returns what to wait for before the next item is read. */
  function next(item: EnqueueItem): Promise<void> | null {
    open += 1;
    void one(item, read++);
    return room();
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

/** Enough for each call the backend has use for to be full, and for the next ones to be ready. */
function windowOf({ maxBatch, maxInFlight }: Capabilities): number {
  return Math.min(maxBatch * (maxInFlight === Infinity ? 1 : 2 * maxInFlight), MOST_ITEMS);
}

async function answerOf(enqueued: Promise<Receipt>): Promise<Answer<Receipt>> {
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
