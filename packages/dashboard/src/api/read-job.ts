import type { DeadLetterRecord, JobRecord, Jobs, StoredJob, Why } from "@waybill/core";
import { optional } from "../features.ts";
import { bodyView, hiding, jobRow } from "./job-view.ts";
import { hidingRecorded, recordView } from "./record-view.ts";
import { type Hide, hiderOf, type Paths } from "./redact.ts";

interface Asked {
  readonly jobs: Jobs;
  readonly query: URLSearchParams;
  readonly redact: Paths;
}

/** Their text quotes no error and no release. */
const QUOTES_NOTHING: ReadonlySet<string> = new Set(["NEVER_SEEN", "NOT_VISIBLE", "FINISHED", "IN_INBOX"]);

/**
 * Reads all that is known of one id: the job, its record, and why it does not run. Rejects as the backend does where it can say
 * nothing at all. A job that has ended is no error: the page that shows it asks every few seconds.
 */
export async function readJob({ jobs, query, redact }: Asked): Promise<unknown> {
  const id = query.get("id") ?? "";
  // Where a backend cannot be looked into, a record may still be there, and `why` says what can be known.
  const [found, record, why] = await Promise.all([
    jobs.find(id).catch((thrown: unknown) => ({ thrown })),
    optional(() => jobs.records.get(id)),
    optional(() => jobs.why(id)),
  ]);
  const isUnknown = found !== null && "thrown" in found;
  const job = found !== null && !("thrown" in found) ? found : await deadJob(jobs, id);
  if (isUnknown && job === null && record === null && why === null) throw found.thrown;
  const hide = hideOf(job, record, why, redact);
  return {
    job: job && { ...jobRow(job, redact), ...bodyView(job.body, redact) },
    record: record && recordView(record, redact),
    why: why && hide({ code: why.code, text: why.text, remedy: why.remedy }),
  };
}

/** A dead letter of a broker that cannot list its jobs; null for none. */
async function deadJob({ inspector }: Jobs, id: string): Promise<StoredJob | null> {
  const [letter] = (await optional(async () => inspector?.deadLetters({ ids: [id], limit: 1 }))) ?? [];
  return letter === undefined ? null : jobOf(letter);
}

function jobOf({ id, type, queue, attempt, reason, body }: DeadLetterRecord): StoredJob {
  const unknown = { tenant: null, priority: 0, enqueuedAt: null, dueAt: null };
  return { id, type, queue, state: "dead", attempt, reason, body, ...unknown };
}

function hideOf(job: StoredJob | null, record: JobRecord | null, why: Why | null, redact: Paths): Hide {
  if (job !== null) return hiding(job.body, redact);
  if (record !== null) return hidingRecorded(record, redact);
  return QUOTES_NOTHING.has(why?.code ?? "") ? (value) => value : hiderOf(null, redact);
}
