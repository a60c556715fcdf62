import type { Ledger, LedgerChange } from "../backend/ledger.ts";
import { monotonicMs } from "../time/clock.ts";

/** A record that a run has written, and that no other has with this value. It expires unless it is renewed. */
export interface Reserved extends Pick<LedgerChange, "key"> {
  readonly value: string;
  readonly version: number;
  readonly expiresInMs: number;
}

export interface Renewal {
  /** Ends the renewal. Returns the last version of the record that is known. May be called again. Never rejects. */
  end(): Promise<number>;
}

/**
 * Renews a reservation while its run lasts, three times in its time. Calls `lost` once when it has expired, or another run has the
 * record: then another run may have begun.
 */
export function renewReservation(
  ledger: Pick<Ledger, "read" | "commit">,
  { key, value, version: first, expiresInMs }: Reserved,
  lost: () => void,
): Renewal {
  let version = first;
  let expiresAt = monotonicMs() + expiresInMs;
  let isEnded = false;
  let renewing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    if (monotonicMs() >= expiresAt) return lose();
    renewing = renewing.then(renew).catch(() => undefined);
  }, expiresInMs / 3).unref();

  async function renew(): Promise<void> {
    const askedAt = monotonicMs();
    const commit = await ledger.commit([{ key, ifVersion: version, value, expiresInMs }]);
    if (commit.ok) {
      version = commit.versions[0] as number;
      expiresAt = askedAt + expiresInMs;
      return;
    }
    // An earlier renewal may have been made although it seemed to fail.
    const [found = null] = await ledger.read([key]);
    if (found?.value !== value) return lose();
    version = found.version;
    return renew();
  }

  function lose(): void {
    if (expiresAt === -Infinity) return;
    expiresAt = -Infinity;
    clearInterval(timer);
    if (!isEnded) lost();
  }

  return {
    async end() {
      isEnded = true;
      clearInterval(timer);
      await renewing;
      return version;
    },
  };
}
