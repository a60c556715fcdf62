import { setTimeout as pause } from "node:timers/promises";
import type { RecordState, RecordStore, StoredRecord } from "../../backend/record-store.ts";
import { assertKnownOptions, type OptionNames } from "../../known-options.ts";
import { wallMs } from "../../time/clock.ts";
import { durationMs } from "../../time/duration.ts";
import { invalid } from "../control/refusals.ts";
import { keepsNone } from "../records/connection-records.ts";
import { isEnded, jobRecordOf } from "../records/job-record.ts";
import type { WhySettings } from "../why/view.ts";
import type { Audit, AuditGap, AuditGapKind, AuditQuery } from "./audit-api.ts";
import { brokerGaps } from "./broker-gaps.ts";
import { gapOf, missingIn, startedOrNot } from "./store-gaps.ts";

const QUERY: OptionNames<AuditQuery> = { last: true, queue: true };
const PAGE = 500;
const MOST_GAPS = 1_000;
/** Records are written twice a second, beside the jobs: a job that ends now has its end by then. */
const LAG_MS = 2_000;

/**
 * Compares what was accepted with what has ended, waits, runs or is a dead letter. Changes nothing. Rejects `CONFIG_INVALID` for a query
 * that cannot be meant, `CAPABILITY_MISSING` where no records are kept, and as the backend does.
 */
export async function audit(settings: WhySettings, query: AuditQuery): Promise<Audit> {
  const { seam, flush } = settings;
  const { since, until, queue } = windowOf(query);
  if (seam.records === null) throw keepsNone(seam.backend.address);
  await flush();
  const tally = new Tally();
  const absent: StoredRecord[] = [];
  const open: StoredRecord[] = [];
  let accepted = 0;
  for await (const page of pagesOf(seam.records, { since, until, ...(queue !== undefined && { queue }) })) {
    accepted += page.length;
    for (const { state } of page) tally.add(state, 1);
    const unended = page.filter(({ state }) => !isEnded(state));
    if (seam.jobControl === null) open.push(...unended);
    else absent.push(...(await missingIn(seam.jobControl, [...unended, ...page.filter(isDead)])));
  }
  if (absent.length > 0) {
    // Jobs move on while the records are read.
    await pause(LAG_MS);
    await flush();
  }
  for (const record of absent) await judge(settings, seam.records, tally, record);
  const broker = seam.jobControl === null ? await brokerGaps(seam, open) : null;
  for (const record of broker?.gone ?? []) tally.list(startedOrNot(record), record);
  return {
    since,
    until,
    accepted,
    ...tally.counts(),
    missing: broker?.missing ?? tally.missing,
    gaps: tally.gaps,
    exact: broker === null,
    queues: broker?.queues ?? [],
  };
}

/** Counts a job anew that the store did not have when its record was read. */
async function judge(settings: WhySettings, records: RecordStore, tally: Tally, before: StoredRecord): Promise<void> {
  const record = (await records.get(before.id)) ?? before;
  if (record.state !== before.state) {
    tally.add(before.state, -1);
    tally.add(record.state, 1);
    return;
  }
  const found = await gapOf(settings, record);
  if (found === "present") return;
  tally.add(record.state, -1);
  if (found === "ended") tally.unrecorded += 1;
  else tally.list(found, record);
}

/** Jobs by what became of them. */
class Tally {
  readonly gaps: AuditGap[] = [];
  readonly #states = new Map<RecordState, number>();
  missing = 0;
  unrecorded = 0;

  add(state: RecordState, jobs: number): void {
    this.#states.set(state, (this.#states.get(state) ?? 0) + jobs);
  }

  list(kind: AuditGapKind, record: StoredRecord): void {
    const { id, type, queue, enqueuedAt, state, at } = record;
    const worker = jobRecordOf(record).attempts.at(-1)?.worker ?? null;
    this.missing += 1;
    if (this.gaps.length < MOST_GAPS) this.gaps.push({ kind, id, type, queue, enqueuedAt, state, at, worker });
  }

  counts(): Pick<Audit, "completed" | "discarded" | "cancelled" | "dead" | "unfinished" | "unrecorded"> {
    const of = (state: RecordState): number => this.#states.get(state) ?? 0;
    const unfinished = of("waiting") + of("running") + of("retrying");
    const ends = {
      completed: of("completed"),
      discarded: of("discarded"),
      cancelled: of("cancelled"),
      dead: of("dead"),
    };
    return { ...ends, unfinished, unrecorded: this.unrecorded };
  }
}

const isDead = ({ state }: StoredRecord): boolean => state === "dead";

function windowOf(query: AuditQuery): { readonly since: number; readonly until: number; readonly queue?: string } {
  assertKnownOptions(query, QUERY, "the options of audit");
  const { last = "1d", queue } = query;
  const ms = durationMs(last, "last");
  if (ms === 0) throw invalid('last is 0; pass how far back to look, such as "1d"');
  if (queue !== undefined && (typeof queue !== "string" || queue === ""))
    throw invalid("queue, an option of audit, is no name of a queue; leave it out for all of them");
  const until = wallMs();
  return { since: until - Math.ceil(ms), until, ...(queue !== undefined && { queue }) };
}

async function* pagesOf(
  records: RecordStore,
  filter: { readonly since: number; readonly until: number; readonly queue?: string },
): AsyncGenerator<readonly StoredRecord[], void, undefined> {
  let after: string | undefined;
  do {
    const page = await records.find({ ...filter, limit: PAGE, ...(after !== undefined && { after }) });
    yield page.records;
    after = page.next ?? undefined;
  } while (after !== undefined);
}
