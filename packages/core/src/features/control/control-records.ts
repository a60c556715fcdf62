import type { Ledger, LedgerRecord } from "../../backend/ledger.ts";
import { parseEnvelope, parseTimestamp } from "../../envelope/index.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";

/** What is paused: one queue, or one type of job in every queue. */
export type PauseTarget = { readonly queue: string } | { readonly type: string };

/** Something that is paused, and since when. */
export type Pause = PauseTarget & {
  /** Unix milliseconds, by the clock of the process that paused it. */
  readonly since: number;
};

/** What workers are asked to leave alone or to end. */
export interface ControlRecords {
  readonly pauses: readonly Pause[];
  /** When each job was asked to end, by its id, in Unix milliseconds. */
  readonly cancels: ReadonlyMap<string, number>;
}

/** Pauses and cancels are under one prefix, so that a worker reads all of them in one call. */
const PREFIX = ledgerPrefix("control");

const PAGE = 1_000;

export const pauseKey = (target: PauseTarget): string =>
  "queue" in target
    ? ledgerKey("control", "pause", "queue", target.queue)
    : ledgerKey("control", "pause", "type", target.type);

export const cancelKey = (id: string): string => ledgerKey("control", "cancel", id);

/** Returns the value of a record. */
export const pauseValue = (target: PauseTarget, since: number): string => JSON.stringify({ ...target, since });
export const cancelValue = (id: string, at: number): string => JSON.stringify({ cancel: id, at });

/** Reads every pause and cancel. A record that another program wrote is left out. Rejects as the ledger does. */
export async function readControl(ledger: Ledger): Promise<ControlRecords> {
  const pauses: Pause[] = [];
  const cancels = new Map<string, number>();
  for (let after: string | undefined, isLast = false; !isLast;) {
    const page: LedgerRecord[] = await ledger.list({
      prefix: PREFIX,
      limit: PAGE,
      ...(after !== undefined && { after }),
    });
    for (const { value } of page) add(value, pauses, cancels);
    isLast = page.length < PAGE;
    after = page.at(-1)?.key;
  }
  return { pauses, cancels };
}

function add(value: string, pauses: Pause[], cancels: Map<string, number>): void {
  const record = parsed(value);
  const { queue, type, since, cancel, at } = record;
  if (typeof cancel === "string" && typeof at === "number") cancels.set(cancel, at);
  else if (typeof since !== "number") return;
  else if (typeof queue === "string") pauses.push({ queue, since });
  else if (typeof type === "string") pauses.push({ type, since });
}

function parsed(value: string): { readonly [name: string]: unknown } {
  try {
    return Object(JSON.parse(value)) as { readonly [name: string]: unknown };
  } catch {
    return {};
  }
}

/**
 * Whether a cancel at this time is about this delivery. It is not when the envelope was made later: an id that was cancelled
 * may be enqueued again.
 */
export function isCancelledBy(at: number, body: string): boolean {
  try {
    const { created_at: createdAt } = parseEnvelope(body);
    return createdAt === undefined || parseTimestamp(createdAt) <= at;
  } catch {
    return true;
  }
}
