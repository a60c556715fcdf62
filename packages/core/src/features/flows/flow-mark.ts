import type { Lease } from "../../backend/contract.ts";
import type { Envelope } from "../../envelope/index.ts";
import { member } from "../../values/any-value.ts";
import { envelopeOfBody } from "../envelope-of-body.ts";

/** The place of a job in a flow. */
export interface MemberOfFlow {
  readonly flow: string;
  readonly key: string;
}

/**
 * Returns the place of a job in a flow; null for every other job, and where the mark is none that waybill writes. Reads the body only
 * where it can have one.
 */
export function flowOf({ id, body }: Pick<Lease, "id" | "body">): MemberOfFlow | null {
  // Ids of members are derived, and so have version 8.
  if (id.charAt(14) !== "8" || !body.includes('"flow"')) return null;
  const envelope = envelopeOfBody(body);
  const place = envelope && markOf(envelope);
  return place !== null && isPlace(place) ? place : null;
}

const FLOW_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MEMBER = /^\d[\d.]{0,149}$/;
const isPlace = ({ flow, key }: MemberOfFlow): boolean => FLOW_ID.test(flow) && MEMBER.test(key);

/** Returns the place that an envelope names; null for none. */
export function markOf({ meta }: Pick<Envelope, "meta">): MemberOfFlow | null {
  const mark = meta?.["flow"];
  const [flow, key] = [member(mark, "id"), member(mark, "member")];
  return typeof flow === "string" && typeof key === "string" ? { flow, key } : null;
}
