import type { DeadLetterRecord } from "../../backend/inspector.ts";
import type { StoredJob } from "../../backend/job-control.ts";
import type { JobTrace } from "../../backend/job-trace.ts";
import type { LedgerRecord } from "../../backend/ledger.ts";
import { type LiveWorker, liveWorkers } from "../../backend/live-worker.ts";
import type { StoredRecord } from "../../backend/record-store.ts";
import type { Seam } from "../../backend/seam.ts";
import type { ReturnedJob, WorkerJob } from "../../backend/worker-details.ts";
import type { Envelope } from "../../envelope/index.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import { wallMs } from "../../time/clock.ts";
import { cancelKey, type Cancel, parseCancel, type Pause, readPauses } from "../control/control-records.ts";
import { envelopeOfBody } from "../envelope-of-body.ts";
import { ledgerKey } from "../ledger-key.ts";
import { jobKey } from "../flows/flow-keys.ts";
import { FINISHED } from "../once/id-memory.ts";
import { isEnded } from "../records/job-record.ts";
import { recordedEnvelope } from "../records/record-facts.ts";
import { KEPT_SINCE } from "../records/retention.ts";
import { parsedValue } from "../record-value.ts";
import { type MemberView, memberView } from "./member-view.ts";
import type { Reported } from "./reported.ts";
import { recordedJob, recordedReturn, recordedRun } from "./recorded.ts";

/** What the connection of a `why` offers. */
export interface WhySettings {
  readonly seam: Pick<Seam, "backend" | "jobControl" | "inspector" | "workerRegistry" | "ledger" | "records">;
  /** The definitions that the connection was given. */
  readonly definitions: readonly JobDefinition[];
  /** Writes what this connection has recorded. */
  readonly flush: () => Promise<void>;
}

/** Everything that is read for one call. */
export interface View {
  readonly id: string;
  /** Unix milliseconds. */
  readonly now: number;
  readonly seam: WhySettings["seam"];
  /** Null: the store has no such job, or lets no one look and no record says that it is unfinished. */
  readonly job: StoredJob | null;
  /** True: `job` is as its record has it, since the broker lets no one look. */
  readonly isRecorded: boolean;
  /** Null for none. */
  readonly record: StoredRecord | null;
  /** Whether jobs of this backend are recorded; false where no connection ever has `records`. */
  readonly areRecorded: boolean;
  /** Unix milliseconds: records of jobs enqueued before are removed. Null: not known, or none are. */
  readonly recordsSince: number | null;
  /** Its place in a flow; null for none. */
  readonly member: MemberView | null;
  readonly trace: JobTrace | null;
  /** The dead letter of this id; null for none. */
  readonly letter: DeadLetterRecord | null;
  /** Null without a job, and where its body is none. */
  readonly envelope: Envelope | null;
  /** Of its type, where the connection knows it. */
  readonly definition: JobDefinition | null;
  /** Null where the backend keeps no worker registry and borrows no ledger. */
  readonly workers: readonly LiveWorker[] | null;
  /** Null without a ledger. */
  readonly pauses: readonly Pause[] | null;
  /** The cancel that is recorded for this job; null for none. */
  readonly cancel: Cancel | null;
  /** The worker that says it has the job; null where none does. */
  readonly owner: Reported<WorkerJob> | null;
  /** The last report that it was returned to its queue; null for none. */
  readonly returned: Reported<ReturnedJob> | null;
  /** Whether `rememberIds` knows that it has finished. */
  readonly hasFinished: boolean;
}

/** Reads what is known of an id. Rejects as the backend and the ledger do. */
export async function viewOf({ seam, definitions, flush }: WhySettings, id: string): Promise<View> {
  const { jobControl, ledger, inspector } = seam;
  await flush();
  const [page, trace, workers, pauses, records, record] = await Promise.all([
    jobControl?.list({ ids: [id], limit: 1 }),
    jobControl?.trace?.(id),
    seam.workerRegistry && liveWorkers(seam),
    ledger && readPauses(ledger),
    ledger?.read([cancelKey(id), ledgerKey("id", id), jobKey(id), KEPT_SINCE]),
    readRecord(seam, id),
  ]);
  const isRecorded = jobControl === null;
  const job = isRecorded ? recordedJob(record) : (page?.jobs[0] ?? null);
  const [cancelRecord = null, idRecord = null, jobRecord = null, keptRecord = null] = records ?? [];
  const member = ledger && jobRecord && (await memberView(ledger, id, jobRecord.value));
  const owner = ownerOf(workers, id);
  const returned = newest(returnedOf(workers, id), recordedReturn(record));
  // A broker is scanned for its dead letters, so not for a job of which a worker or its record says where it is.
  const isReported = isRecorded && (isOutside(member) || isElsewhere(owner, returned, record));
  const mayBeDead = (job === null || job.state === "dead" || (isRecorded && isOfNone(record, workers))) && !isReported;
  const [letter = null] = (mayBeDead && (await inspector?.deadLetters({ ids: [id], limit: 1 }))) || [];
  const cancel = cancelRecord && parseCancel(cancelRecord.value);
  return {
    id,
    now: wallMs(),
    seam,
    job,
    isRecorded,
    record,
    areRecorded: record !== null || (job === null && (await hasRecords(seam))),
    recordsSince: sinceOf(keptRecord),
    member,
    trace: trace ?? null,
    letter,
    envelope: job && (isRecorded ? record && recordedEnvelope(record) : envelopeOfBody(job.body)),
    definition: definitions.find(({ type }) => type === job?.type) ?? null,
    workers,
    pauses,
    cancel: cancel !== null && isOf(cancel, job) ? cancel : null,
    owner,
    returned,
    hasFinished: idRecord?.value === FINISHED,
  };
}

/** `why` says what it can where records are away. */
const readRecord = async ({ records }: WhySettings["seam"], id: string): Promise<StoredRecord | null> =>
  (await records?.get(id).catch(() => null)) ?? null;

const hasRecords = async ({ records }: WhySettings["seam"]): Promise<boolean> =>
  (await records?.find({ limit: 1 }).catch(() => null))?.asOf != null;

function sinceOf(record: LedgerRecord | null): number | null {
  const { before } = record === null ? {} : parsedValue(record);
  return typeof before === "number" ? before : null;
}

/** Whether the worker that runs a job, as its record has it, is gone: the broker may have made the job a dead letter. */
function isOfNone(record: StoredRecord | null, workers: View["workers"]): boolean {
  const run = record && recordedRun(record);
  return run !== null && workers !== null && !workers.some(({ id }) => id === run.worker);
}

/** Whether a job of a broker is known to be no dead letter. */
function isElsewhere(owner: View["owner"], returned: View["returned"], record: StoredRecord | null): boolean {
  if (owner !== null || (returned !== null && isRecent(returned, wallMs()))) return true;
  return record !== null && isEnded(record.state) && record.state !== "dead";
}

/** Whether a member of a flow is in no queue, and no dead letter. */
const isOutside = (place: MemberView | null): boolean =>
  place !== null && place.member.state !== "enqueued" && place.member.state !== "dead";

/** Whether a cancel is of this job, and not of one before it with the same id. */
const isOf = ({ enqueuedAt }: Cancel, job: StoredJob | null): boolean =>
  enqueuedAt === null || job === null || job.enqueuedAt === null || job.enqueuedAt === enqueuedAt;

/** Returns the live worker that says it has the job. */
export function ownerOf(workers: readonly LiveWorker[] | null, id: string): Reported<WorkerJob> | null {
  for (const worker of workers ?? []) {
    const entry = worker.jobs?.find((one) => one.id === id);
    if (entry !== undefined) return { worker, entry };
  }
  return null;
}

const newest = (one: View["returned"], other: View["returned"]): View["returned"] =>
  one === null || (other !== null && other.entry.at > one.entry.at) ? other : one;

/** Several workers may have returned it, one after another. */
function returnedOf(workers: readonly LiveWorker[] | null, id: string): Reported<ReturnedJob> | null {
  let last: Reported<ReturnedJob> | null = null;
  for (const worker of workers ?? []) {
    const entry = worker.returned?.find((one) => one.id === id);
    if (entry !== undefined) last = newest(last, { worker, entry });
  }
  return last;
}

/**
 * Whether a job of which nothing else is known still waits where its worker returned it to. Once its time has come it may run
 * elsewhere, and its worker reports it again within a few heartbeats.
 */
export const isRecent = ({ worker, entry }: Reported<ReturnedJob>, now: number): boolean =>
  now < entry.dueAt + 2 * worker.heartbeatMs;
