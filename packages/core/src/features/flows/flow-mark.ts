import type { Lease } from "../../backend/contract.ts";
import { member } from "../../values/any-value.ts";
import { envelopeOfBody } from "../envelope-of-body.ts";

/** The place of a job in a flow. */
export interface MemberOfFlow {
  readonly flow: string;
  readonly key: string;
}

/** Returns the place of a job in a flow; null for every other job. Reads the body only where it can have the mark. */
export function flowOf({ id, body }: Pick<Lease, "id" | "body">): MemberOfFlow | null {
  // Ids of members are derived, and so have version 8.
  if (id.charAt(14) !== "8" || !body.includes('"flow":{"id":')) return null;
  const mark = envelopeOfBody(body)?.meta?.["flow"];
  const [flow, key] = [member(mark, "id"), member(mark, "member")];
  return typeof flow === "string" && typeof key === "string" ? { flow, key } : null;
}
