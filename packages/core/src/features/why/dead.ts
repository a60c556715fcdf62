import type { DeadLetterRecord } from "../../backend/inspector.ts";
import { reason } from "./reason.ts";
import { repairOf } from "./refused-body.ts";
import type { AnyReason } from "./why-api.ts";
import { moment, sentence } from "./words.ts";

type Letter = Pick<DeadLetterRecord, "id" | "type" | "queue" | "reason" | "attempt" | "diedAt" | "damage">;

/** Says why a job is a dead letter. */
export function deadReason({ id, type, queue, reason: said, attempt, diedAt, damage }: Letter): AnyReason {
  const { code, message } = said;
  const when = diedAt === null ? "" : ` since ${moment(diedAt)}`;
  const died = { type, queue, reason: { code, message }, diedAt };
  if (damage !== undefined) {
    const text = `It is a dead letter${when}, and its stored record cannot become a job again: ${sentence(damage)} It was kept as ${code}: ${sentence(message)}`;
    const remedy = `Another program wrote or changed the record. Enqueue the job anew if you know it, then delete this one: waybill dead drop --id ${id}`;
    return reason("DAMAGED", { ...died, damage }, text, remedy);
  }
  const replay = `waybill dead replay --id ${id}`;
  const text = `It is a dead letter${when}, after attempt ${attempt}: ${meaningOf(code)} (${code}: ${message})`;
  const remedy = repairOf(code, id) ?? `${remedyOf(code)}, then run it again: ${replay}`;
  return reason("DEAD", { ...died, attempt, replay }, sentence(text), remedy);
}

/** What a code means, and what to do before a replay. Codes are open: others are those of arrivals that were refused. */
const CODES: Readonly<Record<string, readonly [meaning: string, remedy: string]>> = {
  ATTEMPTS_EXHAUSTED: ["its last attempt failed", "Mend what made it fail"],
  NON_RETRYABLE: ["its error is one that is not retried", "Mend what made it fail"],
  DEAD_LETTERED: ["its handler ended it", "Mend what its handler complains of"],
  SIGNATURE_INVALID: [
    "its signature is missing or wrong",
    "Sign it with a key that the workers trust: enqueue it anew",
  ],
  EXPIRED: ["it was not to start that late", "A replay ends in the same way: enqueue it anew with a later expiry"],
  DEADLINE: [
    "the deadline for all its attempts has passed",
    "Enqueue it anew, or raise the `deadline` of its definition",
  ],
  WORKER_LOST: [
    "its worker was lost too often while it ran",
    "Find out whether the job kills its process (memory, a crash of native code)",
  ],
  JOB_UNKNOWN: ["no worker knew its type or version for 7 days", "Start a worker that knows it"],
  PAYLOAD_INVALID: [
    "its payload does not match the schema",
    "Mend the schema, or enqueue it anew with another payload",
  ],
  NEED_UNSUPPORTED: ["it asks for what its backend refuses", "Enqueue it anew without that, or on another backend"],
  DUPLICATE_JOB: ["another job has its unique key", "Wait until that job has ended"],
  JOB_LOST: [
    "it left its queue, and no worker stored its end",
    "Find what removes jobs from the queue: another program, or a limit of the broker",
  ],
  FLOW_INVALID: [
    "its `meta.flow` is not a mark that waybill gave a job of this id",
    "Enqueue it anew without `meta.flow`, which `jobs.flow(…)` alone sets",
  ],
};

const meaningOf = (code: string): string => CODES[code]?.[0] ?? "it was refused";
const remedyOf = (code: string): string => CODES[code]?.[1] ?? "Mend what the code says at its producer";
