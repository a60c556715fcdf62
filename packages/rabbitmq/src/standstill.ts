/** A third of the shortest time after which a broker gives up a silent connection: two heartbeats of a second. */
const BEAT_MS = 600;
/** For the sockets to be read, and what they say to be heard. */
const READING_MS = 10;

/** Notices when this process has stood still: the loss of a connection may then have arrived and be unread. */
export interface Standstill {
  /** Null where nothing may be unread; else resolves once it is read. */
  over(): Promise<void> | null;
  end(): void;
}

export function watchStandstill(): Standstill {
  let beatAt = performance.now();
  const beat = setInterval(() => (beatAt = performance.now()), BEAT_MS).unref();
  return {
    over() {
      if (performance.now() - beatAt < 2 * BEAT_MS) return null;
      return new Promise((resolve) => setTimeout(resolve, READING_MS));
    },
    end: () => clearInterval(beat),
  };
}
