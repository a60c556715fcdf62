import type { Lease } from "../../backend/contract.ts";
import { memberChange, type MemberRecord, type Versioned } from "./flow-records.ts";
import type { MemberOfFlow } from "./flow-mark.ts";
import type { FlowHost } from "./flow-store.ts";

/** By which the deliveries of one job differ. */
export type DeliveryCounts = Pick<Lease, "id" | "attempt" | "lost" | "redelivered">;

export const deliveriesOf = ({ attempt, lost }: Pick<DeliveryCounts, "attempt" | "lost">): number => attempt + lost;

/**
 * Whether a delivery of a dead member follows the one in which it died: a worker died after it stored that end, and before it settled the
 * job. Every other delivery is a replay. Once the settled job is marked, all are replays. A worker that dies before it writes the mark
 * leaves the counts of the broker to decide: a replay begins again at 1, and is a new message.
 */
export function isUnsettled({ state, deliveries, kept }: MemberRecord, delivery: DeliveryCounts): boolean {
  if (state !== "dead" || deliveries === undefined) return false;
  return kept === false || deliveriesOf(delivery) > deliveries || delivery.redelivered === true;
}

/** Marks a dead member whose dead letter is stored. Does nothing where it has been changed since, by a replay. Rejects as the ledger does. */
export async function markSettled(
  { ledger }: Pick<FlowHost, "ledger">,
  { flow, key }: MemberOfFlow,
  { value, version }: Versioned<MemberRecord>,
): Promise<void> {
  const { deliveries: _deliveries, ...settled } = value;
  await ledger.commit([memberChange(flow, key, settled, version)]);
}
