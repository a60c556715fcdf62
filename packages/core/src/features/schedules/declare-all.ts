import type { Ledger, LedgerChange, LedgerRecord } from "../../backend/ledger.ts";
import { wallMs } from "../../time/clock.ts";
import { declarationKey, declare, liveDeclarations, liveNames, nameMark, startOf } from "./declarations.ts";
import { newState, type PreparedSchedule, redefined } from "./prepare.ts";
import { clocksDisagree, nowFor } from "./schedule-clock.ts";
import { changedTooOften, changeTo, type DeclaredBy, foundSchedule, scheduleKey, unchanged } from "./schedule-state.ts";

export interface DeclareSettings {
  readonly prepared: readonly PreparedSchedule[];
  readonly program: string;
  readonly worker: string;
  /** When the worker started, in Unix milliseconds. */
  readonly startedAt: number;
  /** How long the declaration lasts, unless it is renewed. */
  readonly ttlMs: number;
  /** Called with the key of each record that cannot be read. */
  readonly unreadable: (key: string) => void;
}

interface Occasion {
  readonly own: DeclaredBy;
  /** Those that live. */
  readonly programs: ReadonlySet<string>;
  /** The marks of the schedules that were declared before this worker declared its own. */
  readonly before: ReadonlySet<string>;
  readonly isStart: boolean;
  readonly unreadable: (key: string) => void;
}

/** How many schedules are read and written in one call. */
const PAGE = 250;
const MOST_TRIES = 20;

/**
 * Declares the schedules of a worker, or renews them. A schedule that does not exist is created. One that does is changed to this
 * definition if this program is the newer one: if its first live worker started later than that of the program whose definition it
 * has, or if no worker of that one lives. "renew": only the declaration is renewed, unless it had expired. Rejects
 * `BACKEND_UNAVAILABLE` when other processes change the schedules each time.
 */
export async function declareAll(
  ledger: Ledger,
  settings: DeclareSettings,
  occasion: "start" | "compare" | "renew",
): Promise<void> {
  const { prepared, program, worker, startedAt, ttlMs, unreadable } = settings;
  const live = new Map(await liveDeclarations(ledger, unreadable));
  const at = startOf(program, live, startedAt);
  const names = prepared.map(({ name }) => nameMark(name));
  const key = declarationKey(worker);
  const version = live.get(key)?.version ?? null;
  const isRenewed = await declare(ledger, worker, { program, at, names }, { ttlMs, version });
  if (occasion === "renew" && isRenewed) return;
  if (!isRenewed || occasion === "start") live.delete(key);
  const programs = new Set([...live.values()].map((one) => one.program)).add(program);
  const now: Occasion = {
    own: { program, at },
    programs,
    before: liveNames(live),
    isStart: occasion === "start",
    unreadable,
  };
  for (let from = 0; from < prepared.length; from += PAGE) {
    await declareSome(ledger, prepared.slice(from, from + PAGE), now);
  }
}

async function declareSome(ledger: Ledger, some: readonly PreparedSchedule[], occasion: Occasion): Promise<void> {
  const keys = some.map(({ name }) => scheduleKey(name));
  const first = await ledger.read(keys);
  for (let [tries, records] = [0, first]; tries < MOST_TRIES; tries++, records = await ledger.read(keys)) {
    const changes = some
      .map((one, index) => {
        const record = records[index] ?? null;
        const isFirst = record !== null && record.version === first[index]?.version;
        const isNew = isFirst && !occasion.before.has(nameMark(one.name));
        return changeFor(one, record, occasion) ?? (isNew ? newVersion(record) : null);
      })
      .filter((change) => change !== null);
    if (changes.length === 0 || (await ledger.commit(changes)).ok) return;
  }
  throw changedTooOften(`schedule "${some[0]?.name}" or one of the others of its worker`, MOST_TRIES);
}

/** A process that has read the record before this worker declared its schedules, to remove it, must not remove it. */
function newVersion(record: LedgerRecord): LedgerChange | null {
  const found = foundSchedule(record);
  return found && unchanged(found, nowFor(found));
}

/** Returns the change that declares a schedule; null where it is declared already, or where a newer program declares it otherwise. */
function changeFor(
  prepared: PreparedSchedule,
  record: LedgerRecord | null,
  { own, programs, isStart, unreadable }: Occasion,
): LedgerChange | null {
  const now = wallMs();
  if (record === null) return changeTo(newState(prepared, own), "absent", now);
  const found = foundSchedule(record);
  if (found === null) {
    unreadable(record.key);
    return null;
  }
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
