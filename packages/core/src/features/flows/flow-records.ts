import type { LedgerChange, LedgerRecord } from "../../backend/ledger.ts";
import { parsedValue } from "../record-value.ts";
import type { FlowMemberState, FlowWhen } from "../../job/flow-types.ts";
import { wallMs } from "../../time/clock.ts";
import type { FlowState } from "./flow-api.ts";
import { dueKey, headKey, partKey, WHOLE_FLOW } from "./flow-keys.ts";

/** A flow, as its ledger has it. */
export interface FlowHead {
  readonly name: string;
  /** "storing": its members are not all stored yet, and nothing runs. */
  readonly state: FlowState | "storing";
  /** Of its members, so that another flow of the same id is refused. */
  readonly digest: string;
  readonly size: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly keepMs: number;
}

/** A member, as the ledger has it. Its job is another record. */
export interface MemberRecord {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: FlowMemberState;
  readonly when: FlowWhen;
  /** Whether its death stops the flow. */
  readonly stops: boolean;
  /** The keys of those that come after it, the whole flow among them. Null: there are many, each a record. */
  readonly next: readonly string[] | null;
  /** How long its end is kept for `jobs.result`, in milliseconds; null where its definition has no result. */
  readonly keepMs: number | null;
  readonly code?: string;
  readonly message?: string;
  /** Of a member that has died: its deliveries until then. Absent once its dead letter is stored: every later delivery is a replay. */
  readonly deliveries?: number;
  /** Of a member that has died: whether it is a dead letter. */
  readonly kept?: boolean;
  /** When it was enqueued, in Unix milliseconds. Absent for one that comes after no other: at the start of the flow. */
  readonly since?: number;
  /** True once it has completed after it had died: what ended with it may run. */
  readonly revived?: true;
}

/** What a worker does if the record is still there when it is due. */
export type FlowDuty = "storing" | "starting" | "cancelling" | "member" | "cancelled" | "ended" | "check" | "remove";

/** A record with its value parsed. */
export interface Versioned<T> {
  readonly value: T;
  readonly version: number;
}

/** With more dependents each is a record. */
export const MOST_INLINE = 20;
/** A duty that is not done after this long is done by a worker. */
export const DUTY_MS = 5_000;

/** Null for a record that is absent or damaged. */
export function headOf(record: LedgerRecord | null | undefined): Versioned<FlowHead> | null {
  const value = record && (parsedValue(record) as Partial<FlowHead>);
  if (!record || typeof value?.state !== "string" || typeof value.name !== "string") return null;
  return { value: value as FlowHead, version: record.version };
}

/** Null for a record that is absent or damaged. */
export function memberOf(record: LedgerRecord | null | undefined): Versioned<MemberRecord> | null {
  const value = record && (parsedValue(record) as Partial<MemberRecord>);
  if (!record || typeof value?.state !== "string" || typeof value.id !== "string") return null;
  return { value: value as MemberRecord, version: record.version };
}

export function headChange(flow: string, head: FlowHead, ifVersion: LedgerChange["ifVersion"]): LedgerChange {
  return { key: headKey(flow), ifVersion, value: JSON.stringify(head) };
}

export function memberChange(
  flow: string,
  key: string,
  member: MemberRecord,
  ifVersion: LedgerChange["ifVersion"],
): LedgerChange {
  return { key: partKey(flow, "member", key), ifVersion, value: JSON.stringify(member) };
}

export function dutyChange(flow: string, duty: FlowDuty, dueInMs: number, member?: string): LedgerChange {
  const value = JSON.stringify({ flow, duty, ...(member !== undefined && { member }) });
  return { key: dueKey(flow, member), ifVersion: "any", value, dueInMs };
}

const FIRST_CHECK_MS = 30_000;
const LONGEST_CHECK_MS = 600_000;
/** A check reads all members. */
const MANY_MEMBERS = 1_000;

/** When a flow is first checked for members that have left their queue without an end. */
export const firstCheck = (flow: string, size: number): LedgerChange =>
  checkChange(flow, size > MANY_MEMBERS ? LONGEST_CHECK_MS : FIRST_CHECK_MS);

/** The check after one that waited `afterMs`. */
export const nextCheck = (flow: string, afterMs: number): LedgerChange =>
  checkChange(flow, Math.min(2 * afterMs, LONGEST_CHECK_MS));

/** Due after `afterMs` to twice as long, at a time at which others are due: a worker lists the dead letters once for all of them. */
export function checkChange(
  flow: string,
  afterMs: number,
  dueInMs: number = 2 * afterMs - (wallMs() % afterMs),
): LedgerChange {
  const value = JSON.stringify({ flow, duty: "check", afterMs });
  return { key: dueKey(flow, WHOLE_FLOW), ifVersion: "any", value, dueInMs };
}

export const put = (key: string, value = "1"): LedgerChange => ({ key, ifVersion: "any", value });
export const remove = (key: string): LedgerChange => ({ key, ifVersion: "any", value: null });

export const hasEnded = ({ state }: Pick<MemberRecord, "state">): boolean =>
  state !== "waiting" && state !== "enqueued";
