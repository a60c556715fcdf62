import type { Lease, UniqueKey } from "../../backend/contract.ts";
import { uniqueOf } from "../../backend/message.ts";
import { envelopeOfBody } from "../envelope-of-body.ts";

/** Returns the unique key that the envelope of a delivered job asks for; null for none, and for a body that is no envelope. */
export function uniqueOfBody({ body, damage }: Pick<Lease, "body" | "damage">): UniqueKey | null {
  if (damage !== undefined || !body.includes("dedupe")) return null;
  const envelope = envelopeOfBody(body);
  return envelope?.dedupe === undefined ? null : uniqueOf(envelope.dedupe);
}
