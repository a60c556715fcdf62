import { randomUUID } from "node:crypto";
import type { Lease } from "../../backend/contract.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { endedBefore, type Outcome, release } from "../../job/outcome.ts";
import { WaybillError } from "../../errors.ts";
import { errorMessage, toError } from "../../values/thrown.ts";
import { ledgerKey } from "../ledger-key.ts";
import { type Renewal, renewReservation } from "../reservation.ts";

/** Remembers the ids of jobs that have finished. */
export interface IdMemory {
  /** Whether a job of this id has finished within `keepMs`. Rejects as the ledger does. */
  hasFinished(id: string): Promise<boolean>;
  /**
   * Runs one delivery and remembers how it ended, before that is settled. A delivery of a finished id is not run; where the store may
   * have an id twice, neither is one while another of its id runs: it is released. Never rejects.
   */
  execute(lease: Pick<Lease, "id">, run: () => Promise<Outcome>, calls: IdCalls): Promise<Outcome>;
}

export interface IdCalls {
  /** Called while the job runs, once its reservation has lapsed: another delivery of the id may begin. */
  readonly lost: (error: WaybillError) => void;
  /** Called with the error of a call of the ledger; with null after one that succeeded. */
  readonly reached: (error: Error | null) => void;
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
/** The record of an id that has finished. */
export const FINISHED = "finished";

export function createIdMemory({ ledger, keepMs, uniqueIds }: IdMemorySettings): IdMemory {
  const keyOf = (id: string): string => ledgerKey("id", id);

  async function stateOf(id: string): Promise<"absent" | "finished" | "reserved"> {
    const [record = null] = await ledger.read([keyOf(id)]);
    if (record === null) return "absent";
    return record.value === FINISHED ? "finished" : "reserved";
  }

  /** Reserves the id for this delivery. Null: another delivery of it runs. */
  async function reserve(id: string, lost: () => void): Promise<Renewal | null> {
    const reservation = { key: keyOf(id), value: randomUUID(), expiresInMs: RESERVED_MS };
    const commit = await ledger.commit([{ ...reservation, ifVersion: "absent" }]);
    if (!commit.ok) return null;
    return renewReservation(ledger, { ...reservation, version: commit.versions[0] as number }, lost);
  }

  /** Records the end. A job that runs again, or is kept as a dead letter, is forgotten: it may be delivered or replayed. */
  async function remember(id: string, outcome: Outcome, version: number | null): Promise<void> {
    const key = keyOf(id);
    if (isFinished(outcome)) await ledger.commit([{ key, ifVersion: "any", value: FINISHED, expiresInMs: keepMs }]);
    else if (version !== null) await ledger.commit([{ key, ifVersion: version, value: null }]);
  }

  return {
    hasFinished: async (id) => (await stateOf(id)) === "finished",
    async execute({ id }, run, { lost, reached }) {
      let reserved: Renewal | null = null;
      try {
        const state = await stateOf(id);
        reached(null);
        if (state === "finished") return endedBefore;
        if (!uniqueIds) reserved = state === "reserved" ? null : await reserve(id, () => lost(reservationLost(id)));
      } catch (thrown) {
        reached(toError(thrown));
        const why = `whether its id has finished could not be looked up: ${errorMessage(thrown)}`;
        return release(RELEASE_MS, "IDS_UNAVAILABLE", why);
      }
      if (!uniqueIds && reserved === null) return release(RELEASE_MS, "ID_RUNS", "another delivery of its id runs");
      const outcome = await run();
      const version = reserved === null ? null : await reserved.end();
      try {
        await remember(id, outcome, version);
      } catch (thrown) {
        // Without the record the job may run again when it is enqueued again, as without rememberIds.
        const message = `the end of id "${id}" could not be remembered: ${errorMessage(thrown)}`;
        reached(new WaybillError("BACKEND_UNAVAILABLE", message, { cause: thrown }));
      }
      return outcome;
    },
  };
}

function reservationLost(id: string): WaybillError {
  return new WaybillError(
    "LEASE_LOST",
    `the reservation of id "${id}" ran out before it was renewed; another delivery of it may run`,
  );
}

function isFinished(outcome: Outcome): boolean {
  if (outcome.kind === "completed") return true;
  return outcome.kind === "dead" && !outcome.kept && outcome.reason.code !== "CANCELLED";
}
