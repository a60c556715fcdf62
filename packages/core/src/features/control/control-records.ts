import type { Ledger } from "../../backend/ledger.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";
import { parsedValue } from "../record-value.ts";
import { thisProcess } from "../process-name.ts";
import { allRecords } from "../all-records.ts";

/** What is paused: one queue, or one type of job in every queue. */
export type PauseTarget = { readonly queue: string } | { readonly type: string };

/** Something that is paused, and since when. */
export type Pause = PauseTarget & {
  /** Unix milliseconds, by the clock of the process that paused it. */
  readonly since: number;
};

/** A request that a job ends. */
export interface Cancel {
  /** Unix milliseconds, by the clock of the process that cancelled it. */
  readonly at: number;
  /** When the job was enqueued, as its store has it: the next one of its id has another time. Null where the store does not say. */
  readonly enqueuedAt: number | null;
  /** The process that cancelled it, as "process 4711 on web-1"; null where an older release did. */
  readonly by: string | null;
}

/** Some cancels, by the ids of their jobs. */
export interface CancelPage {
  readonly cancels: ReadonlyMap<string, Cancel>;
  /** Pass it as `after` for those behind them; undefined when these are the last. */
  readonly next: string | undefined;
}

/** A worker reads this many cancels at a time; with more, it goes on at its next read. */
const MOST_CANCELS = 5_000;

export const pauseKey = (target: PauseTarget): string =>
  "queue" in target
    ? ledgerKey("control", "pause", "queue", target.queue)
    : ledgerKey("control", "pause", "type", target.type);

export const cancelKey = (id: string): string => ledgerKey("control", "cancel", id);

/** Returns the value of a record. */
export const pauseValue = (target: PauseTarget, since: number): string => JSON.stringify({ ...target, since });
export const cancelValue = (id: string, at: number, enqueuedAt: number | null): string =>
  JSON.stringify({ cancel: id, at, enqueuedAt, by: thisProcess() });

/** Reads every pause. A record that another program wrote is left out. Rejects as the ledger does. */
export async function readPauses(ledger: Ledger): Promise<Pause[]> {
  const pauses: Pause[] = [];
  for await (const record of allRecords(ledger, ledgerPrefix("control", "pause"))) {
    const { queue, type, since } = parsedValue(record);
    if (typeof since !== "number") continue;
    if (typeof queue === "string") pauses.push({ queue, since });
    else if (typeof type === "string") pauses.push({ type, since });
  }
  return pauses;
}

/** Reads cancels, 5,000 at most. Rejects as the ledger does. */
export async function readCancels(ledger: Ledger, after: string | undefined): Promise<CancelPage> {
  const cancels = new Map<string, Cancel>();
  let count = 0;
  for await (const record of allRecords(ledger, ledgerPrefix("control", "cancel"), after)) {
    const { cancel: id } = parsedValue(record);
    const cancel = parseCancel(record.value);
    if (typeof id === "string" && cancel !== null) cancels.set(id, cancel);
    count += 1;
    if (count === MOST_CANCELS) return { cancels, next: record.key };
  }
  return { cancels, next: undefined };
}

/** Returns null for a record that another program wrote. */
export function parseCancel(value: string): Cancel | null {
  const { at, enqueuedAt, by } = parsedValue({ value });
  if (typeof at !== "number") return null;
  return {
    at,
    enqueuedAt: typeof enqueuedAt === "number" ? enqueuedAt : null,
    by: typeof by === "string" ? by : null,
  };
}
