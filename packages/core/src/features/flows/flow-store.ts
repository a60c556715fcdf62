import type { Receipt } from "../../backend/contract.ts";
import type { Ledger, LedgerChange } from "../../backend/ledger.ts";
import { type Envelope, parseEnvelope } from "../../envelope/index.ts";
import { isWaybillError, type WaybillErrorCode } from "../../errors.ts";
import type { EventBus } from "../../observability/events.ts";
import { errorCode, errorMessage } from "../../values/thrown.ts";
import type { FlowHead, MemberRecord, Versioned } from "./flow-records.ts";
import { headOf, memberOf } from "./flow-records.ts";
import { headKey, jobKey, partKey } from "./flow-keys.ts";
import { markOf } from "./flow-mark.ts";

/** What flows stand on. */
export interface FlowHost {
  readonly ledger: Ledger;
  readonly events: EventBus;
  /** Signs and stores an envelope that was made by a connection. */
  readonly enqueue: (envelope: Envelope) => Promise<Receipt>;
}

/** Why a job of a flow could never be enqueued. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** Changes of one commit, fewer than a ledger takes. */
const MOST_CHANGES = 400;
/** A ledger need not take one call of any size. */
const MOST_BYTES = 1_000_000;

const MAY_PASS: ReadonlySet<WaybillErrorCode> = new Set([
  "BACKEND_UNAVAILABLE",
  "BACKEND_FULL",
  "BACKEND_CLOSED",
  "ENQUEUE_UNKNOWN",
  "NOT_REPLICATED",
]);

/** Reads a flow and one of its members. Null for one that is not there, or is damaged. */
export async function readMember(
  { ledger }: Pick<FlowHost, "ledger">,
  flow: string,
  key: string,
): Promise<{ readonly head: Versioned<FlowHead> | null; readonly member: Versioned<MemberRecord> | null }> {
  const [head, member] = await ledger.read([headKey(flow), partKey(flow, "member", key)]);
  return { head: headOf(head), member: memberOf(member) };
}

/**
 * Enqueues the job of a member. Its id is derived, so that two calls store one job. Returns why it never can be; null when it is. Rejects
 * where a later call may succeed.
 */
export async function enqueueMember(host: FlowHost, flow: string, id: string): Promise<Refusal | null> {
  const [record = null] = await host.ledger.read([jobKey(id)]);
  if (record === null) return { code: "FLOW_DAMAGED", message: "the job of the member is not stored" };
  try {
    const envelope = parseEnvelope(record.value);
    const of = markOf(envelope)?.flow;
    if (of !== flow) return { code: "ID_CONFLICT", message: `a job of this id is a member of flow "${of}"` };
    await host.enqueue(envelope);
    return null;
  } catch (thrown) {
    // Stored already, by another process.
    if (isWaybillError(thrown, "ID_CONFLICT")) return null;
    if (!isWaybillError(thrown) || MAY_PASS.has(thrown.code)) throw thrown;
    return { code: errorCode(thrown), message: errorMessage(thrown) };
  }
}

/** Commits changes that may be made one after the other, in as few calls as possible. They have no conditions. */
export async function commitAll(ledger: Ledger, changes: readonly LedgerChange[]): Promise<void> {
  for (const some of chunks(changes)) await ledger.commit(some);
}

/** Splits changes into lists that one commit can take. */
export function* chunks(changes: readonly LedgerChange[]): Generator<LedgerChange[]> {
  let some: LedgerChange[] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = change.value?.length ?? 0;
    if (some.length === MOST_CHANGES || (some.length > 0 && bytes + size > MOST_BYTES)) {
      yield some;
      [some, bytes] = [[], 0];
    }
    some.push(change);
    bytes += size;
  }
  if (some.length > 0) yield some;
}

/** Calls `work` for each item, at most 50 at a time. Rejects with the first error, once those that run have ended. */
export async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += 50) {
    const settled = await Promise.allSettled(items.slice(from, from + 50).map(work));
    for (const one of settled) if (one.status === "rejected") throw one.reason;
  }
}
