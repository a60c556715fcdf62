import type { JobControl } from "../../backend/job-control.ts";
import type { StoredRecord } from "../../backend/record-store.ts";
import type { WhySettings } from "../why/view.ts";
import { why } from "../why/why.ts";
import type { AuditGapKind } from "./audit-api.ts";

/** Returns the records, at most 1,000, whose jobs the store does not have: neither waiting, nor leased, nor as dead letters. */
export async function missingIn(
  { list }: Pick<JobControl, "list">,
  records: readonly StoredRecord[],
): Promise<StoredRecord[]> {
  if (records.length === 0) return [];
  const { jobs } = await list({ ids: records.map(({ id }) => id), limit: records.length });
  const found = new Set(jobs.map(({ id }) => id));
  return records.filter(({ id }) => !found.has(id));
}

/** Says of a job that the store did not have: how it is a gap, that it has ended all the same, or that it is there. */
export async function gapOf(settings: WhySettings, record: StoredRecord): Promise<AuditGapKind | "ended" | "present"> {
  const { code } = await why(settings, record.id);
  if (code === "END_UNKNOWN" || code === "NEVER_SEEN") return startedOrNot(record);
  if (code === "DROPPED") return "letter_gone";
  // What `rememberIds`, the store's list of finished jobs or the flow of a member has of it.
  if (code === "FINISHED" || code === "COMPLETED" || code === "DISCARDED" || code === "CANCELLED") return "ended";
  return "present";
}

/** Whether a job that is gone had begun to run. */
export const startedOrNot = ({ startedAt }: StoredRecord): AuditGapKind =>
  startedAt === null ? "never_started" : "no_end";
