import type { Receipt } from "../../backend/contract.ts";
import type { StoredJob } from "../../backend/job-control.ts";
import { assertId } from "../control/refusals.ts";
import { absentReason } from "./absent.ts";
import { deadReason } from "./dead.ts";
import { leasedReason } from "./leased.ts";
import { memberReason } from "./member.ts";
import { reason } from "./reason.ts";
import { type View, viewOf, type WhySettings } from "./view.ts";
import { waitingReasons } from "./waiting.ts";
import type { AnyReason, Why } from "./why-api.ts";

/**
 * Says why a job does not run. Reads what the store, the ledger and the live workers say, and decides here; it changes nothing.
 * Rejects `CONFIG_INVALID` for an id that is no text, and as the backend and the ledger do.
 */
export async function why(settings: WhySettings, asked: string | Receipt): Promise<Why> {
  const { id, duplicateOf } = typeof asked === "object" && asked !== null ? asked : { id: asked };
  assertId(id, "why");
  if (duplicateOf !== undefined) return duplicate(id, await why(settings, duplicateOf));
  const [first, ...also] = await reasonsOf(await viewOf(settings, id));
  return { ...(first as AnyReason), id, also } as Why;
}

/** The first is the one that counts now. */
async function reasonsOf(view: View): Promise<readonly AnyReason[]> {
  const { job, letter } = view;
  if (letter !== null) return [deadReason(letter)];
  const ofFlow = memberReason(view);
  if (job === null || isBehind(view, job)) return [ofFlow ?? absentReason(view)];
  if (job.state === "dead") return [deadReason({ ...job, reason: job.reason ?? UNSAID, diedAt: null })];
  if (job.state === "leased") return [leasedReason(view, job)];
  return [...(ofFlow === null ? [] : [ofFlow]), ...(await waitingReasons(view, job))];
}

/** Whether more is known of a job than its record says. */
const isBehind = ({ isRecorded, owner, cancel, hasFinished }: View, { state }: StoredJob): boolean =>
  isRecorded && (owner !== null || hasFinished || (cancel !== null && state !== "leased"));

const UNSAID = { code: "DEAD_LETTERED", message: "the store does not say why" };

function duplicate(id: string, original: Why): Why {
  const text = `The job was not stored, since the unfinished job "${original.id}" has its unique key. Of that one: ${original.text}`;
  const remedy = `Look at "${original.id}" instead; enqueue again once it has ended, or with onConflict: "replace". ${original.remedy}`;
  const one = reason("DUPLICATE", { original: original.id, why: original }, text, remedy);
  return { ...one, id, also: [] } as Why;
}
