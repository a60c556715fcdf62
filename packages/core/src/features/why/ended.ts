import type { StoredRecord } from "../../backend/record-store.ts";
import { jobRecordOf } from "../records/job-record.ts";
import { DROPPED, recordedCanceller } from "../records/record-facts.ts";
import { reason } from "./reason.ts";
import type { View } from "./view.ts";
import type { AnyReason, Ended } from "./why-api.ts";
import { moment, sentence } from "./words.ts";

const NOTHING = "Nothing has to be done.";

/** Says how a job has ended that is in no queue and no dead letter: by its record, else by its flow. Null where neither has its end. */
export function endedReason(view: View): AnyReason | null {
  return (view.record && byRecord(view, view.record)) ?? byFlow(view);
}

function byRecord(view: View, record: StoredRecord): AnyReason | null {
  const { type, queue, state, endedAt, code, message, startedAt } = record;
  const { attempts } = jobRecordOf(record);
  const last = attempts.at(-1) ?? null;
  const ended: Ended = { type, queue, endedAt, worker: last?.worker ?? null, attempt: last?.attempt ?? null };
  switch (state) {
    case "completed":
      return completed({ ...ended, durationMs: last?.durationMs ?? null });
    case "discarded":
      if (code === DROPPED) {
        const died = { code: last?.code ?? "DEAD_LETTERED", message: last?.message ?? "" };
        return dropped(ended, died, recordedCanceller(record));
      }
      return discarded(ended, { code: code ?? "DISCARDED", message: message ?? "" });
    case "cancelled":
      return cancelled(
        view,
        startedAt === null ? { ...ended, worker: null } : ended,
        recordedCanceller(record),
        message,
      );
    case "dead":
      return dropped(ended, { code: code ?? "DEAD_LETTERED", message: message ?? "" }, null);
    case "waiting":
    case "running":
    case "retrying":
      return view.seam.jobControl === null ? null : gone(view, record, state);
  }
}

function byFlow({ member: place }: View): AnyReason | null {
  if (place === null) return null;
  const { type, queue, state, code = "", message = "", kept } = place.member;
  const ended: Ended = { type, queue, endedAt: null, worker: null, attempt: null };
  if (state === "completed") return completed({ ...ended, durationMs: null });
  if (state === "cancelled") return cancelledText(ended, null, message);
  if (state !== "dead") return null;
  return kept === false ? discarded(ended, { code, message }) : dropped(ended, { code, message }, null);
}

const when = ({ endedAt }: Ended): string => (endedAt === null ? "" : ` ${moment(endedAt)}`);
const where = ({ worker, attempt }: Ended): string =>
  worker === null ? "" : ` on worker ${worker}${attempt === null ? "" : `, attempt ${attempt}`}`;

function completed(facts: Ended & { readonly durationMs: number | null }): AnyReason {
  const ms = facts.durationMs === null ? "" : `, after ${Math.round(facts.durationMs)} ms`;
  const remedy = `${NOTHING} To run it once more, enqueue it under another id.`;
  return reason(
    "COMPLETED",
    facts,
    `It has completed${when(facts)}${where(facts)}${ms}, and nothing of it is left to do.`,
    remedy,
  );
}

function discarded(ended: Ended, said: { readonly code: string; readonly message: string }): AnyReason {
  const text = `It ended without success${when(ended)}${where(ended)}, and was not kept (${said.code}: ${sentence(said.message)})`;
  const remedy = "If it is wanted after all, enqueue it anew; `dead_letter` in place of `discard` keeps the next one.";
  return reason("DISCARDED", { ...ended, reason: said }, text, remedy);
}

function cancelled(view: View, ended: Ended, by: string | null, message: string | null): AnyReason {
  return cancelledText(ended, by ?? view.cancel?.by ?? null, message);
}

function cancelledText(ended: Ended, by: string | null, message: string | null): AnyReason {
  const who = by === null ? (message?.startsWith("replaced") ? `: ${message}` : "") : ` by ${by}`;
  const how = ended.worker === null ? "before it ran" : `while it ran${where(ended)}`;
  const text = `It was cancelled${when(ended)} ${how}${who}.`;
  return reason("CANCELLED", { ...ended, by }, text, `${NOTHING} If it is wanted after all, enqueue it anew.`);
}

function dropped(
  ended: Ended,
  said: { readonly code: string; readonly message: string },
  by: string | null,
): AnyReason {
  const died = `${said.code}: ${sentence(said.message)}`;
  const text =
    by === null
      ? `It died${when(ended)}${where(ended)}, and its dead letter is gone: it was dropped, or replayed by a program that does not record that, or its store keeps none that long. ${died}`
      : `It died${where(ended)}, and its dead letter was dropped${when(ended)} by ${by}. ${died}`;
  return reason("DROPPED", { ...ended, reason: said, by }, text, "If it is wanted after all, enqueue it anew.");
}

function gone({ seam }: View, { type, queue, at }: StoredRecord, state: "waiting" | "running" | "retrying"): AnyReason {
  const text = `${seam.backend.address} no longer has it, and how it ended was not recorded. Its record last says that it was ${state}, ${moment(at)}.`;
  const remedy =
    "Give `records` to every connection that enqueues or runs jobs. A process that is killed loses half a second of them.";
  return reason("END_UNKNOWN", { type, queue, state, at }, text, remedy);
}
