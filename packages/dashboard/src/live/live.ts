import { describeError, type Jobs } from "@waybill/core";
import { createHistoryReader, type HistorySpan, type HistoryView } from "./history.ts";
import { readSnapshot, type Snapshot } from "./snapshot.ts";
import { createTicker, type Ticker } from "./ticker.ts";

/** The present state of each connection, read once for all users. */
export interface Live {
  /** Reads the state of a connection; calls of the same second share one read. Rejects as the backend does. */
  now(name: string): Promise<Snapshot>;
  /** Reads the charts of a connection. Rejects as the backend does. */
  history(name: string, span: HistorySpan): Promise<HistoryView>;
  /** Returns a stream of server-sent events: the state, again whenever it has changed. */
  stream(name: string): Response;
  /** Something was changed by this dashboard: the streams get it at once. */
  changed(name: string): void;
}

/** Once `signal` aborts, streams end. Null: they last as long as their readers. */
export function createLive(connections: ReadonlyMap<string, Jobs>, signal: AbortSignal | null): Live {
  const tickers = new Map([...connections].map(([name, jobs]) => [name, tickerOf(jobs)]));
  const histories = new Map([...connections].map(([name, jobs]) => [name, createHistoryReader(jobs)]));

  const ticker = (name: string): Ticker<Snapshot> => named(tickers, name);

  return {
    now: (name) => ticker(name).read(),
    history: (name, span) => named(histories, name).read(span),
    changed: (name) => ticker(name).wake(),
    stream: (name) => streamed(ticker(name), signal),
  };
}

function named<T>(all: ReadonlyMap<string, T>, name: string): T {
  const found = all.get(name);
  if (found === undefined) throw new Error(`no connection is called ${name}`);
  return found;
}

function tickerOf(jobs: Jobs): Ticker<Snapshot> {
  let last: Snapshot | null = null;
  return createTicker({
    read: async () => (last = await readSnapshot(jobs)),
    failed: (thrown) => {
      const empty = { queues: null, pausedTypes: [], workers: null };
      return { ...(last ?? empty), at: Date.now(), problem: describeError(thrown).slice(0, 500) };
    },
  });
}

function streamed(ticker: Ticker<Snapshot>, signal: AbortSignal | null): Response {
  const encoder = new TextEncoder();
  let stop = (): void => undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string): void => {
        // A reader that does not keep up skips states; it never queues them.
        if ((controller.desiredSize ?? 0) > -4) controller.enqueue(encoder.encode(text));
      };
      send("retry: 2000\n\n");
      const unsubscribe = ticker.subscribe((snapshot) => send(`data: ${JSON.stringify(snapshot)}\n\n`));
      const beat = setInterval(() => send(": still here\n\n"), 15_000);
      beat.unref();
      const end = (): void => {
        stop();
        controller.close();
      };
      stop = () => {
        clearInterval(beat);
        unsubscribe();
        signal?.removeEventListener("abort", end);
      };
      signal?.addEventListener("abort", end);
      if (signal?.aborted) end();
    },
    cancel: () => stop(),
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
  });
}
