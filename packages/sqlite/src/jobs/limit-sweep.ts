import type { DatabaseSync } from "node:sqlite";
import { textOf } from "@waybill/core/backend";
import { prepareOn } from "../sql/statement.ts";
import { type LimitKeys, PAUSED } from "./limit-keys.ts";
import type { Sweep } from "./sweep.ts";

/**
 * Wakes jobs that wait for a key with free slots: since the number of its limit was raised, or since another program deleted
 * the job that was to wake them.
 */
export interface LimitSweep extends Sweep {
  /** Whether one of these numbers is new or higher than before, so that `note` would wake jobs. Reads only. */
  isRaised(numbers: Numbers | undefined): boolean;
  /** Remembers the number of each limit. A number that is new or higher begins a pass. */
  note(numbers: Numbers | undefined): void;
}

/** The most leases of one key, by the name of its limit. */
type Numbers = Readonly<Record<string, number>>;

/** Behind every paused type, and before every key. */
const START = [PAUSED, "\u{10ffff}"] as const;
/** Lines looked at in one transaction. */
const SLICE = 100;
/** A pass over all lines begins at least this often. */
const PASS_MS = 5_000;

export function createLimitSweep(db: DatabaseSync, limitKeys: LimitKeys): LimitSweep {
  const next = prepareOn(db)(`SELECT CAST(line.name AS TEXT) AS name, CAST(line.key AS TEXT) AS key
     FROM waybill_waiting AS line WHERE (line.name, line.key) > (?, ?)
     ORDER BY line.name, line.key LIMIT 1`);
  const numbers = new Map<string, number>();
  /** The last line that this pass has looked at; null between two passes. */
  let at: readonly [name: string, key: string] | null = null;
  let endedAt = performance.now();

  function begin(): void {
    at = START;
  }

  const isActive = (): boolean => at !== null || performance.now() - endedAt >= PASS_MS;

  function run(): void {
    if (at === null && performance.now() - endedAt >= PASS_MS) begin();
    for (let looked = 0; at !== null && looked < SLICE; looked += 1) {
      const row = next.get(...at);
      if (row === undefined) {
        at = null;
        endedAt = performance.now();
        return;
      }
      at = [textOf(row["name"]) ?? "", textOf(row["key"]) ?? ""];
      limitKeys.fill(at, numbers.get(at[0]) ?? 1);
    }
  }

  const isRaised = (given: Numbers = {}): boolean =>
    Object.entries(given).some(([name, most]) => most > (numbers.get(name) ?? 0));

  return {
    isDue: () => isActive() && next.get(...START) !== undefined,
    run,
    isRaised: (given) => isRaised(given) && next.get(...START) !== undefined,
    note(given = {}) {
      const begins = isRaised(given);
      for (const [name, most] of Object.entries(given)) numbers.set(name, most);
      if (!begins) return;
      begin();
      run();
    },
  };
}
