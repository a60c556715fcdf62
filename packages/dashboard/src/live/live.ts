import { describeError, type Jobs } from "@waybill/core";
import { createMinutes } from "./minutes.ts";
import { readSnapshot, type Snapshot } from "./snapshot.ts";
import { createTicker, type Ticker } from "./ticker.ts";

/** The present state of each connection, read once for all users. */
export interface Live {
  /** Reads the state of a connection; calls of the same second share one read. Rejects as the backend does. */
  now(name: string): Promise<Snapshot>;
  /** Returns a stream of server-sent events: the state, again whenever it has changed. */
  stream(name: string): Response;
  /** Something was changed by this dashboard: the streams get it at once. */
  changed(name: string): void;
}

export function createLive(connections: ReadonlyMap<string, Jobs>): Live {
  const tickers = new Map([...connections].map(([name, jobs]) => [name, tickerOf(jobs)]));

  function ticker(name: string): Ticker<Snapshot> {
    const found = tickers.get(name);
    if (found === undefined) throw new Error(`no connection is called ${name}`);
    return found;
  }

  return {
    now: (name) => ticker(name).read(),
    changed: (name) => ticker(name).wake(),
    stream: (name) => streamed(ticker(name)),
  };
}

function tickerOf(jobs: Jobs): Ticker<Snapshot> {
  const minutes = createMinutes(jobs);
  let last: Snapshot | null = null;
  return createTicker({
    read: async () => (last = await readSnapshot(jobs, minutes)),
    failed: (thrown) => {
      const empty = { queues: null, pausedTypes: [], workers: null, minutes: [] };
      return { ...(last ?? empty), at: Date.now(), problem: describeError(thrown).slice(0, 500) };
    },
  });
}

function streamed(ticker: Ticker<Snapshot>): Response {
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
      stop = () => {
        clearInterval(beat);
        unsubscribe();
      };
    },
    cancel: () => stop(),
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
  });
}
