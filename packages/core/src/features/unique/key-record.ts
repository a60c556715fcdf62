import type { UniqueKey } from "../../backend/contract.ts";
import type { LedgerRecord } from "../../backend/ledger.ts";
import { wallMs } from "../../time/clock.ts";
import { damagedRecord, parsedValue } from "../record-value.ts";

/** How long a key is taken by an enqueue that has not yet been confirmed. */
export const RESERVED_MS = 30_000;
/** How long a key stays taken by a job that gives no sign of life, where the backend does not delete older messages. */
export const IDLE_MS: number = 7 * 86_400_000;
/** How long a key stays taken by a job whose end is being stored, in case the process dies in between. */
export const ENDING_MS = 60_000;
/** How long it is remembered that a job was replaced: the longest delay of a job. Deleted when the job is delivered. */
export const REPLACED_MS: number = 366 * 86_400_000;

const STATES = ["reserved", "stored", "started", "ending"] as const;

/**
 * The job that has a key. "reserved": it is being stored, and may not be. "stored": it waits. "started": a worker has leased it.
 * "ending": its end is being stored.
 */
export interface KeyRecord {
  readonly id: string;
  readonly state: (typeof STATES)[number];
  /** The waiting job that a reservation replaces, and which has the key again if nothing comes of the reservation. */
  readonly old?: string;
  /** When the key ends by itself, in Unix milliseconds: that of a job that waits, or one that is taken for a time. */
  readonly endsAt?: number;
  /** `endsAt` of the job that a reservation replaces. */
  readonly oldEndsAt?: number;
}

/** A record as it was read. */
export interface FoundKey extends KeyRecord {
  readonly version: number;
}

/**
 * Returns what a record says now: after a reservation has lapsed, the job that it was to replace has the key again. Throws
 * `DEAD_LETTERED` for a damaged record: which job has the key is unknown.
 */
export function foundKey(record: LedgerRecord | null): FoundKey | null {
  if (record === null) return null;
  const { version, dueInMs } = record;
  const said = parsedKey(record);
  const isLapsed = said.state === "reserved" && said.old !== undefined && dueInMs !== null && dueInMs <= 0;
  if (!isLapsed) return { ...said, version };
  const { old, oldEndsAt } = said;
  return { id: old as string, state: "stored", ...(oldEndsAt !== undefined && { endsAt: oldEndsAt }), version };
}

function parsedKey(record: LedgerRecord): KeyRecord {
  const said = parsedValue(record);
  const { id, state, old, endsAt, oldEndsAt } = said;
  const isKey =
    typeof id === "string" &&
    STATES.some((one) => one === state) &&
    (old === undefined || typeof old === "string") &&
    [endsAt, oldEndsAt].every((time) => time === undefined || typeof time === "number");
  if (!isKey) throw damagedRecord(record);
  return said as unknown as KeyRecord;
}

/** Returns how long a key is taken, in milliseconds from now. `waitMs` is how long its job may wait. */
export function lastsMs(until: UniqueKey["until"], waitMs: number, endsAt?: number): number {
  if (typeof until !== "number") return waitMs;
  return Math.max(1, endsAt === undefined ? until : endsAt - wallMs());
}

/** What became of a job that lost its key before it started. */
export interface Displaced {
  /** The id of the job that has the key. */
  readonly by: string;
  /** True: its enqueue was refused. False: another took its place. */
  readonly refused: boolean;
}
