import type { StoredJob } from "../../backend/job-control.ts";
import { parseTimestamp } from "../../envelope/index.ts";
import { endOf } from "../../execution/job-deadline.ts";
import { reason } from "./reason.ts";
import type { View } from "./view.ts";
import type { AnyReason } from "./why-api.ts";
import { counted, moment, named } from "./words.ts";
import { idsOf, knownVersion, workersOf } from "./workers-of.ts";

type OfJob = Pick<StoredJob, "type" | "queue">;

/** Says that a job is too late to run; null when it is not. */
export function lateness({ envelope, definition, now }: View, { type, queue }: StoredJob): AnyReason | null {
  if (envelope === null) return null;
  const expiresAt = envelope.expires_at === undefined ? Infinity : parseTimestamp(envelope.expires_at);
  const deadline = endOf(envelope, definition?.deadlineMs ?? null) ?? Infinity;
  const at = Math.min(expiresAt, deadline);
  if (now < at) return null;
  const by = expiresAt <= deadline ? "expires_at" : "deadline";
  const what = by === "deadline" ? "its deadline for all attempts passed" : "it was not to start at or after that time";
  const text = `It is too late to run it: ${what} ${moment(at)}. The worker that leases it next keeps it as a dead letter.`;
  return reason(
    "EXPIRED",
    { type, queue, at, by },
    text,
    "Enqueue it anew if it is still wanted, with a later expiry.",
  );
}

/** What keeps any worker from leasing or running such a job, whenever it is due: the pauses first. */
export function obstacles(view: View, job: StoredJob): AnyReason[] {
  return [...pauseReasons(view, job), ...workerReasons(view, job)];
}

export function pauseReasons({ pauses }: View, { type, queue }: OfJob): AnyReason[] {
  return (pauses ?? []).flatMap((pause) => {
    const { since } = pause;
    if ("queue" in pause) {
      if (pause.queue !== queue) return [];
      const text = `Queue "${queue}" is paused since ${moment(since)}: no worker leases from it.`;
      return [reason("QUEUE_PAUSED", { type, queue, since }, text, `Resume it: waybill resume --queue ${queue}`)];
    }
    if (pause.type !== type) return [];
    const text = `Jobs of type "${type}" are paused since ${moment(since)}: no worker runs them, in any queue.`;
    return [reason("TYPE_PAUSED", { type, queue, since }, text, `Resume them: waybill resume --type ${type}`)];
  });
}

/** Whether a live worker leases from its queue, has its type, and knows its payload version. At most one of them is returned. */
export function workerReasons({ workers, envelope }: View, { type, queue }: OfJob): AnyReason[] {
  if (workers === null) return [];
  const own = workersOf(workers, queue);
  if (own.length === 0) {
    const others =
      workers.length === 0
        ? "no worker is alive at all"
        : counted(workers.length, "worker leases others", "workers lease others");
    const text = `No live worker leases from queue "${queue}": ${others}.`;
    const remedy = `Start a worker with this queue, or check the \`queues\` of those that run: waybill workers`;
    return [reason("NO_WORKER", { type, queue, otherWorkers: workers.length }, text, remedy)];
  }
  const known = own.map((worker) => knownVersion(worker, type)).filter((version) => version !== null);
  if (known.length === 0) {
    const text = `${counted(own.length, "live worker leases", "live workers lease")} from queue "${queue}" (${named(idsOf(own))}), and none has a handler for "${type}": each releases it.`;
    const remedy =
      "Start a worker whose `jobs` have this type, in Nest with a `@JobHandler` for it. After 7 days it becomes a dead letter (JOB_UNKNOWN).";
    return [reason("TYPE_UNKNOWN", { type, queue, workers: idsOf(own) }, text, remedy)];
  }
  const version = envelope?.meta?.payload_version ?? 1;
  const highest = Math.max(...known);
  if (version <= highest) return [];
  const text = `It has payload version ${version} of "${type}", and the live workers of queue "${queue}" know ${highest} at most: they release it.`;
  const remedy = "Finish the deployment: start workers of the newer program.";
  return [reason("VERSION_UNKNOWN", { type, queue, version, known: highest, workers: idsOf(own) }, text, remedy)];
}
