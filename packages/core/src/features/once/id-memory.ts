import { randomUUID } from "node:crypto";
import type { Lease } from "../../backend/contract.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { endedBefore, type Outcome, release } from "../../job/outcome.ts";
import { errorMessage } from "../../values/thrown.ts";
import { ledgerKey } from "../ledger-key.ts";

/** Remembers the ids of jobs that have finished. */
export interface IdMemory {
  /** Whether a job of this id has finished within `keepMs`. Rejects as the ledger does. */
  hasFinished(id: string): Promise<boolean>;
  /**
   * Runs one delivery and remembers how it ended, before that is settled. A delivery of a finished id is not run; where the store may
   * have an id twice, neither is one while another of its id runs: it is released. Never rejects.
   */
  execute(lease: Lease, run: () => Promise<Outcome>): Promise<Outcome>;
}

export interface IdMemorySettings {
  readonly ledger: Ledger;
  /** How long a finished id is remembered. */
  readonly keepMs: number;
  /** False where the store may have the same id twice: then one delivery at a time reserves it. */
  readonly uniqueIds: boolean;
}

/** A reservation lapses after this long unless it is renewed: its worker has died. */
const RESERVED_MS = 30_000;
const RELEASE_MS = 5_000;
const FINISHED = "finished";

export function createIdMemory({ ledger, keepMs, uniqueIds }: IdMemorySettings): IdMemory {
  const keyOf = (id: string): string => ledgerKey("id", id);

  async function stateOf(id: string): Promise<"absent" | "finished" | "reserved"> {
    const [record = null] = await ledger.read([keyOf(id)]);
    if (record === null) return "absent";
    return record.value === FINISHED ? "finished" : "reserved";
  }

  /** Reserves the id for this delivery. Null: another delivery of it runs. */
  async function reserve(id: string): Promise<Reservation | null> {
    const value = randomUUID();
    const change = { key: keyOf(id), value, expiresInMs: RESERVED_MS };
    const commit = await ledger.commit([{ ...change, ifVersion: "absent" }]);
    if (!commit.ok) return null;
    let version = commit.versions[0] ?? 0;
    let renewing: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      renewing = renewing
        .then(() => ledger.commit([{ ...change, ifVersion: version }]))
        .then((renewed) => void (renewed.ok && (version = renewed.versions[0] ?? version)))
        .catch(() => undefined);
    }, RESERVED_MS / 3);
    timer.unref();
    return {
      async end() {
        clearInterval(timer);
        await renewing;
        return version;
      },
    };
  }

  /** Records the end. A job that runs again, or is kept as a dead letter, is forgotten: it may be delivered or replayed. */
  async function remember(id: string, outcome: Outcome, version: number | null): Promise<void> {
    const key = keyOf(id);
    if (isFinished(outcome)) await ledger.commit([{ key, ifVersion: "any", value: FINISHED, expiresInMs: keepMs }]);
    else if (version !== null) await ledger.commit([{ key, ifVersion: version, value: null }]);
  }

  return {
    hasFinished: async (id) => (await stateOf(id)) === "finished",
    async execute({ id }, run) {
      let reserved: Reservation | null = null;
      try {
        const state = await stateOf(id);
        if (state === "finished") return endedBefore;
        if (!uniqueIds) reserved = state === "reserved" ? null : await reserve(id);
      } catch (thrown) {
        const why = `whether its id has finished could not be looked up: ${errorMessage(thrown)}`;
        return release(RELEASE_MS, "IDS_UNAVAILABLE", why);
      }
      if (!uniqueIds && reserved === null) return release(RELEASE_MS, "ID_RUNS", "another delivery of its id runs");
      const outcome = await run();
      const version = reserved === null ? null : await reserved.end();
      // Without the record the job may run again when it is enqueued again, as without rememberIds.
      await remember(id, outcome, version).catch(() => undefined);
      return outcome;
    },
  };
}

interface Reservation {
  /** Ends the renewal. Returns the version of the reservation. */
  end(): Promise<number>;
}

function isFinished(outcome: Outcome): boolean {
  if (outcome.kind === "completed") return true;
  return outcome.kind === "dead" && !outcome.kept && outcome.reason.code !== "CANCELLED";
}
