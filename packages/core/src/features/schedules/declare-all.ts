import type { Ledger, LedgerChange, LedgerRecord } from "../../backend/ledger.ts";
import { wallMs } from "../../time/clock.ts";
import { type Declaration, declare, liveDeclarations, nameMark, startOf } from "./declarations.ts";
import { newState, type PreparedSchedule, redefined } from "./prepare.ts";
import { clocksDisagree } from "./schedule-clock.ts";
import { changeTo, type DeclaredBy, foundSchedule, scheduleKey } from "./schedule-state.ts";

export interface DeclareSettings {
  readonly prepared: readonly PreparedSchedule[];
  readonly program: string;
  readonly worker: string;
  /** When the worker started, in Unix milliseconds. */
  readonly startedAt: number;
  /** How long the declaration lasts, unless it is renewed. */
  readonly ttlMs: number;
}

/** How many schedules are read and written in one call. */
const PAGE = 250;
const MOST_TRIES = 20;

/**
 * Declares the schedules of a worker, or renews them. A schedule that does not exist is created. One that does is changed to this
 * definition if this program is the newer one: if its first live worker started later than that of the program whose definition it
 * has, or if no worker of that one lives. "renew": only the declaration is renewed.
 */
export async function declareAll(
  ledger: Ledger,
  settings: DeclareSettings,
  occasion: "start" | "compare" | "renew",
): Promise<void> {
  const { prepared, program, worker, startedAt, ttlMs } = settings;
  const live = await liveDeclarations(ledger);
  const own: Declaration = {
    program,
    at: startOf(program, live, startedAt),
    names: prepared.map(({ name }) => nameMark(name)),
  };
  await declare(ledger, worker, own, ttlMs);
  if (occasion === "renew") return;
  const programs = new Set([...live.values()].map((one) => one.program)).add(program);
  for (let from = 0; from < prepared.length; from += PAGE) {
    await declareSome(ledger, prepared.slice(from, from + PAGE), own, programs, occasion === "start");
  }
}

async function declareSome(
  ledger: Ledger,
  some: readonly PreparedSchedule[],
  own: DeclaredBy,
  programs: ReadonlySet<string>,
  isStart: boolean,
): Promise<void> {
  const { program, at } = own;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const records = await ledger.read(some.map(({ name }) => scheduleKey(name)));
    const changes = some
      .map((one, index) => changeFor(one, records[index] ?? null, { program, at }, programs, isStart))
      .filter((change) => change !== null);
    if (changes.length === 0 || (await ledger.commit(changes)).ok) return;
  }
  throw new Error(`schedules were changed ${MOST_TRIES} times while they were declared`);
}

/** Returns the change that declares a schedule; null where it is declared already, or where a newer program declares it otherwise. */
function changeFor(
  prepared: PreparedSchedule,
  record: LedgerRecord | null,
  own: DeclaredBy,
  programs: ReadonlySet<string>,
  isStart: boolean,
): LedgerChange | null {
  const now = wallMs();
  if (record === null) return changeTo(newState(prepared, own), "absent", now);
  const found = foundSchedule(record);
  // A later release has written it.
  if (found === null) return null;
  const { state } = found;
  const isNewer = state.declared === null || own.at > state.declared.at || !programs.has(state.declared.program);
  const isSame = JSON.stringify(state.definition) === JSON.stringify(prepared.definition);
  if (isSame && state.declared !== null && state.orphanedAt === null && programs.has(state.declared.program)) {
    // A worker that starts decides what time it is, so that a wrong clock is not kept for ever.
    return isStart && clocksDisagree(found) && state.firing === null ? changeTo(state, record.version, now) : null;
  }
  if (!isSame && !isNewer) return null;
  return changeTo(redefined(state, prepared, own, now), record.version, now);
}
