/** Reads something every second while it has subscribers, however many. */
export interface Ticker<T> {
  /** Returns what was read within the last second, or reads. Rejects as the read does. */
  read(): Promise<T>;
  /** Calls the listener with what is read. Returns the function that unsubscribes it. */
  subscribe(listener: (value: T) => void): () => void;
  /** Reads again at once. */
  wake(): void;
}

export interface TickerSettings<T> {
  readonly read: () => Promise<T>;
  /** Returns what listeners get when a read fails. */
  readonly failed: (thrown: unknown) => T;
}

const EVERY_MS = 1_000;
/** A backend that takes long to count is asked less often: it spends a quarter of its time on the dashboard at most. */
const PARTS = 4;

export function createTicker<T>({ read, failed }: TickerSettings<T>): Ticker<T> {
  const listeners = new Set<(value: T) => void>();
  let reading: Promise<T> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let readAt = -Infinity;
  let isWoken = false;
  let value: T | null = null;

  function readShared(): Promise<T> {
    reading ??= readOnce().finally(() => (reading = null));
    return reading;
  }

  async function readOnce(): Promise<T> {
    value = await read();
    readAt = performance.now();
    return value;
  }

  async function tick(): Promise<void> {
    clearTimeout(timer);
    isWoken = false;
    const began = performance.now();
    const found = await readShared().catch(failed);
    for (const listener of listeners) listener(found);
    if (listeners.size === 0) return;
    clearTimeout(timer);
    const tookMs = performance.now() - began;
    timer = setTimeout(() => void tick(), isWoken ? 0 : Math.max(EVERY_MS, tookMs * PARTS));
    timer.unref();
  }

  return {
    async read() {
      return value !== null && performance.now() - readAt < EVERY_MS ? value : readShared();
    },
    subscribe(listener) {
      listeners.add(listener);
      if (listeners.size === 1) void tick();
      else if (value !== null) listener(value);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) clearTimeout(timer);
      };
    },
    wake() {
      readAt = -Infinity;
      isWoken = true;
      if (listeners.size > 0 && reading === null) void tick();
    },
  };
}
