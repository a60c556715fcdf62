import type { DeadLetterRecord } from "../../backend/inspector.ts";
import type { StoredJob } from "../../backend/job-control.ts";
import type { JobTrace } from "../../backend/job-trace.ts";
import { type LiveWorker, liveWorkers } from "../../backend/live-worker.ts";
import type { Seam } from "../../backend/seam.ts";
import type { ReturnedJob, WorkerJob } from "../../backend/worker-details.ts";
import type { Envelope } from "../../envelope/index.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import { wallMs } from "../../time/clock.ts";
import { cancelKey, type Cancel, parseCancel, type Pause, readPauses } from "../control/control-records.ts";
import { envelopeOfBody } from "../envelope-of-body.ts";
import { ledgerKey } from "../ledger-key.ts";
import { FINISHED } from "../once/id-memory.ts";

/** What the connection of a `why` offers. */
export interface WhySettings {
  readonly seam: Pick<Seam, "backend" | "jobControl" | "inspector" | "workerRegistry" | "ledger">;
  /** The definitions that the connection was given. */
  readonly definitions: readonly JobDefinition[];
}

/** A live worker that has, or had, the job. */
export interface Reported<Entry> {
  readonly worker: LiveWorker;
  readonly entry: Entry;
}

/** Everything that is read for one call. */
export interface View {
  readonly id: string;
  /** Unix milliseconds. */
  readonly now: number;
  readonly seam: WhySettings["seam"];
  /** Null: the store has no such job, or lets no one look. */
  readonly job: StoredJob | null;
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
export async function viewOf({ seam, definitions }: WhySettings, id: string): Promise<View> {
  const { jobControl, ledger, inspector } = seam;
  const [page, trace, workers, pauses, records] = await Promise.all([
    jobControl?.list({ ids: [id], limit: 1 }),
    jobControl?.trace?.(id),
    seam.workerRegistry && liveWorkers(seam),
    ledger && readPauses(ledger),
    ledger?.read([cancelKey(id), ledgerKey("id", id)]),
  ]);
  const job = page?.jobs[0] ?? null;
  const [owner, returned] = [ownerOf(workers, id), returnedOf(workers, id)];
  // A broker is scanned for its dead letters, so not for a job of which a worker says where it is.
  const isReported = jobControl === null && (owner !== null || (returned !== null && isRecent(returned, wallMs())));
  const mayBeDead = (job === null || job.state === "dead") && !isReported;
  const [letter = null] = (mayBeDead && (await inspector?.deadLetters({ ids: [id], limit: 1 }))) || [];
  const [cancelRecord = null, idRecord = null] = records ?? [];
  const cancel = cancelRecord && parseCancel(cancelRecord.value);
  return {
    id,
    now: wallMs(),
    seam,
    job,
    trace: trace ?? null,
    letter,
    envelope: job && envelopeOfBody(job.body),
    definition: definitions.find(({ type }) => type === job?.type) ?? null,
    workers,
    pauses,
    cancel: cancel !== null && isOf(cancel, job) ? cancel : null,
    owner,
    returned,
    hasFinished: idRecord?.value === FINISHED,
  };
}

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

/** Several workers may have returned it, one after another. */
function returnedOf(workers: readonly LiveWorker[] | null, id: string): Reported<ReturnedJob> | null {
  let newest: Reported<ReturnedJob> | null = null;
  for (const worker of workers ?? []) {
    const entry = worker.returned?.find((one) => one.id === id);
    if (entry !== undefined && entry.at > (newest?.entry.at ?? -Infinity)) newest = { worker, entry };
  }
  return newest;
}

/**
 * Whether a job of which nothing else is known still waits where its worker returned it to. Once its time has come it may run
 * elsewhere, and its worker reports it again within a few heartbeats.
 */
export const isRecent = ({ worker, entry }: Reported<ReturnedJob>, now: number): boolean =>
  now < entry.dueAt + 2 * worker.heartbeatMs;
