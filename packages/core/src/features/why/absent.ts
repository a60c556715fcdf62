import type { Cancel } from "../control/control-records.ts";
import { endedReason } from "./ended.ts";
import { cancelRequested, ownedReason } from "./leased.ts";
import { reason } from "./reason.ts";
import type { Reported } from "./reported.ts";
import { isRecent, type View } from "./view.ts";
import type { ReturnedJob } from "../../backend/worker-details.ts";
import { pauseReasons, workerReasons } from "./obstacles.ts";
import { returnedReason } from "./returned.ts";
import type { AnyReason } from "./why-api.ts";
import { counted, moment, named } from "./words.ts";

/** Says what is known of an id that the store does not list as a job. */
export function absentReason(view: View): AnyReason {
  const { trace, owner, cancel, returned, now, seam, hasFinished } = view;
  if (trace?.place === "inbox") return inbox(trace.since);
  const ended = endedReason(view);
  if (ended !== null && ended.code !== "END_UNKNOWN") return ended;
  if (trace?.place === "finished") return finished(trace.endedAt, "store");
  if (hasFinished) return finished(null, "ids");
  if (ended !== null) return ended;
  if (seam.jobControl !== null) return expiredRecord(view) ?? neverSeen(view);
  if (owner !== null)
    return cancel === null ? ownedReason(owner, null) : cancelRequested(cancel, owner.entry, owner.worker.id);
  if (cancel !== null) return cancelRecorded(cancel);
  if (returned !== null && isRecent(returned, now)) return fromReport(view, returned);
  if (view.areRecorded && view.member === null) return expiredRecord(view) ?? neverSeen(view);
  return notVisible(view);
}

/** Says what a worker has reported of a job that its broker hides: it waits until its next delivery. */
function fromReport(view: View, returned: Reported<ReturnedJob>): AnyReason {
  const { entry } = returned;
  const still =
    entry.code === "PAUSED"
      ? pauseReasons(view, entry)
      : entry.code === "JOB_UNKNOWN"
        ? workerReasons(view, entry)
        : [];
  return still[0] ?? returnedReason(view, returned, { ...entry, until: entry.dueAt });
}

function inbox(since: number | null): AnyReason {
  const when = since === null ? "" : ` since ${moment(since)}`;
  const text = `It waits in the inbox${when}: another program put it there, and no worker has judged it yet.`;
  return reason(
    "IN_INBOX",
    { since },
    text,
    "Start a worker on this backend: it takes in what arrives, or keeps it as a dead letter.",
  );
}

function finished(endedAt: number | null, from: "store" | "ids"): AnyReason {
  const when = endedAt === null ? "" : ` ${moment(endedAt)}`;
  const source = from === "store" ? "the store still keeps that" : "its id is remembered (rememberIds)";
  const text = `It has finished${when}, so it completed or was discarded; ${source}.`;
  return reason(
    "FINISHED",
    { endedAt, from },
    text,
    "Nothing has to be done. To run it once more, enqueue it under another id.",
  );
}

/** The time of a UUID of version 7, in Unix milliseconds; null for another id. */
const timeOf = (id: string): number | null =>
  id.charAt(14) === "7" ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : null;

function expiredRecord({ id, recordsSince }: View): AnyReason | null {
  const madeAt = timeOf(id);
  if (madeAt === null || recordsSince === null || !(madeAt < recordsSince)) return null;
  const text = `There is no trace of it. Its id was made ${moment(madeAt)}, and records are kept of jobs enqueued since ${moment(recordsSince)}: if it was ever enqueued here, it has ended, and its record was removed.`;
  const remedy = "Raise `keep` of the `records` of the connections to know of older jobs.";
  return reason("RECORD_EXPIRED", { madeAt, keptSince: recordsSince }, text, remedy);
}

function neverSeen({ seam, areRecorded }: View): AnyReason {
  const { name } = seam.backend;
  if (areRecorded) {
    const text = `There is no trace of it at ${seam.backend.address}, and no record: no connection with \`records\` has enqueued or run it, or its record was removed.`;
    const remedy = "Check the id, the URL and its prefix or schema, and that every producer has `records`.";
    return reason("NEVER_SEEN", { backend: name }, text, remedy);
  }
  const text = `There is no trace of it at ${seam.backend.address}: it was never enqueued here, or it completed, was cancelled or dropped, and nothing keeps that.`;
  const remedy =
    "Check the id, the URL and its prefix or schema. `records` on the connection would keep what becomes of each job; `retainFinished` and `rememberIds` keep some of it.";
  return reason("NEVER_SEEN", { backend: name }, text, remedy);
}

function cancelRecorded({ at, by }: Pick<Cancel, "at" | "by">): AnyReason {
  const who = by === null ? "" : ` by ${by}`;
  const text = `It was cancelled ${moment(at)}${who}. If it still waits, it is dropped when it is delivered; no worker has it now.`;
  return reason("CANCEL_RECORDED", { at, by }, text, "Nothing has to be done.");
}

function notVisible({ seam, workers, pauses }: View): AnyReason {
  const { name } = seam.backend;
  const listed = workers?.map(({ id, queues }) => ({ id, queues })) ?? null;
  const queues = [...new Set(listed?.flatMap((worker) => worker.queues))].toSorted();
  const ofWorkers =
    listed === null
      ? "Its workers are not listed, since it has no ledger."
      : listed.length === 0
        ? "No worker is alive, so nothing runs now."
        : `${counted(listed.length, "worker")} ${listed.length === 1 ? "is" : "are"} alive, for ${named(queues)}; none reports this job.`;
  const paused = pauses?.map((pause) => ("queue" in pause ? `queue "${pause.queue}"` : `type "${pause.type}"`)) ?? [];
  const ofPauses = paused.length === 0 ? "" : ` Paused: ${named(paused)}.`;
  const text = `${name} delivers messages in turn and lets no one look into its queues, so whether this job waits, has ended or was never enqueued cannot be known. It is no dead letter. ${ofWorkers}${ofPauses}`;
  const remedy =
    seam.ledger === null
      ? 'Give the connection a ledger, as in { ledger: "postgres://…" }, and with it `records`, which remember each job.'
      : "Turn `records` on for this connection: they remember each job, so that it can be looked up here.";
  return reason("NOT_VISIBLE", { backend: name, workers: listed, paused: pauses }, text, remedy);
}
