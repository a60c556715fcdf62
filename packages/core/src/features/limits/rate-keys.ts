import type { Ledger } from "../../backend/ledger.ts";
import { ledgerKey } from "../ledger-key.ts";
import type { Rate } from "./limit-numbers.ts";
import { RateKey, type RateJob } from "./rate-key.ts";
import { StoreClockReader } from "./store-clock.ts";
import { tokenBucket } from "./token-bucket.ts";

/** Gives out the turns of the keys of all rates. What several jobs of a key ask for at the same time is one commit. */
export interface RateKeys {
  /** How many keys are in use: jobs wait for a start, or starts are reserved ahead. All others cost no memory. */
  readonly size: number;
  /**
   * Resolves to null when the job may start, or to the milliseconds until it is to be delivered again. Rejects when the ledger
   * cannot be reached.
   */
  turn(name: string, key: string, rate: Rate, job: RateJob): Promise<number | null>;
}

const byLedger = new WeakMap<Ledger, RateKeys>();

/** The workers of one connection share them: they ask together. */
export function rateKeysOf(ledger: Ledger): RateKeys {
  let found = byLedger.get(ledger);
  if (found === undefined) byLedger.set(ledger, (found = createRateKeys(ledger)));
  return found;
}

function createRateKeys(ledger: Ledger): RateKeys {
  const keys = new Map<string, RateKey>();
  const clock = new StoreClockReader();
  return {
    get size() {
      return keys.size;
    },
    turn(name, key, rate, job) {
      const record = ledgerKey("rate", name, key);
      const { count, perMs, burst } = rate;
      // Workers of one connection may have different numbers for a moment, while one takes the place of another.
      const id = `${count}/${perMs}/${burst}/${record}`;
      let found = keys.get(id);
      if (found === undefined) {
        found = new RateKey({ ledger, clock, record, bucket: tokenBucket(rate), idle: () => void keys.delete(id) });
        keys.set(id, found);
      }
      return found.turn(job);
    },
  };
}
