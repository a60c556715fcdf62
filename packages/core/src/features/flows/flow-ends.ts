import type { LedgerChange } from "../../backend/ledger.ts";
import type { FlowMemberState } from "../../job/flow-types.ts";
import { wallMs } from "../../time/clock.ts";
import { afterConflict } from "../after-conflict.ts";
import { allRecords } from "../all-records.ts";
import { resultKey } from "../results/result-record.ts";
import { diedKey, doneKey, dueKey, headKey, lastPart, openKey, partKey, partPrefix, WHOLE_FLOW } from "./flow-keys.ts";
import {
  dutyChange,
  hasEnded,
  headChange,
  headOf,
  memberChange,
  type MemberRecord,
  put,
  remove,
  type Versioned,
} from "./flow-records.ts";
import { commitAll, each, enqueueMember, type FlowHost, readMember } from "./flow-store.ts";
import { resumeFlow } from "./resume-flow.ts";

/** How a member ends. */
export interface MemberEnd {
  readonly state: Exclude<FlowMemberState, "waiting" | "enqueued">;
  readonly code?: string;
  readonly message?: string;
  /** Of one that has died after a run: its deliveries until then, and whether it is a dead letter. */
  readonly deliveries?: number;
  readonly kept?: boolean;
  /** The job that has ended. One of another id, which has the mark of this member, ends nothing. */
  readonly job?: string;
  /** What its handler returned, as JSON. */
  readonly result?: string | undefined;
}

/**
 * Records the end of a member, and starts what has waited for it alone. Everything is stored when it resolves, and a second call does
 * what a first one, that died, has left. `also` is committed with the end. Returns the member as stored; null where it had ended before,
 * and for a flow that is no longer kept. Rejects as the ledger and the queue do.
 */
export async function endMember(
  host: FlowHost,
  flow: string,
  key: string,
  end: MemberEnd,
  also: readonly LedgerChange[] = [],
): Promise<Versioned<MemberRecord> | null> {
  for (let conflicts = 0; ; conflicts += 1) {
    if (conflicts > 0) await afterConflict(partKey(flow, "member", key), conflicts - 1);
    const { head, member } = await readMember(host, flow, key);
    const { result, job, ...ended } = end;
    if (head === null || member === null || (job !== undefined && job !== member.value.id)) {
      if (also.length > 0) await host.ledger.commit(also);
      return null;
    }
    const before = member.value;
    const isRevived = before.state === "dead" && end.state === "completed";
    // After a replay it has died once more.
    const diesAgain = before.state === "dead" && end.state === "dead" && end.deliveries !== undefined;
    if (hasEnded(before) && !isRevived && !diesAgain) {
      if (before.state === "dead" && also.length > 0) await host.ledger.commit(also);
      if (!(await isOpen(host, flow, key))) await settleNext(host, flow, key, before, true);
      return null;
    }
    const { code: _code, message: _message, deliveries: _deliveries, kept: _kept, ...rest } = before;
    const after: MemberRecord = { ...rest, ...ended, ...(isRevived && { revived: true }) };
    const hasDied = end.state !== "completed";
    // What comes after a member that never ran comes after those before it as well, which may still run.
    const isEarly = before.state === "waiting" && (await isOpen(host, flow, key));
    const changes = [
      memberChange(flow, key, after, member.version),
      ...(result === undefined ? [] : [put(partKey(flow, "result", key), result)]),
      ...(hasDied || isRevived ? [diedChange(flow, WHOLE_FLOW, key, hasDied)] : []),
      ...(isEarly ? [] : (after.next ?? []).flatMap((later) => edgeChanges(flow, key, later, end.state))),
      ...also,
    ];
    const stops = end.state === "dead" && before.stops && head.value.state === "running";
    if (stops) changes.push(headChange(flow, { ...head.value, state: "stopped" }, head.version));
    const commit = await host.ledger.commit(changes);
    if (!commit.ok) continue;
    if (!isEarly) await settleNext(host, flow, key, after, false);
    return { value: after, version: commit.versions[0] as number };
  }
}

const diedChange = (flow: string, later: string, key: string, hasDied: boolean): LedgerChange =>
  hasDied ? put(diedKey(flow, later, key)) : remove(diedKey(flow, later, key));

function edgeChanges(flow: string, key: string, later: string, state: FlowMemberState): LedgerChange[] {
  const closed = remove(openKey(flow, later, key));
  // That a member has died is recorded for the whole flow with its end.
  if (later === WHOLE_FLOW) return [closed];
  const hasDied = state !== "completed";
  return [
    closed,
    diedChange(flow, later, key, hasDied),
    hasDied ? remove(doneKey(flow, later, key)) : put(doneKey(flow, later, key)),
  ];
}

/**
 * Starts or ends the members that have waited for this one alone. `again`: it may have been done before, by a process that died
 * between two steps.
 */
async function settleNext(
  host: FlowHost,
  flow: string,
  key: string,
  member: MemberRecord,
  again: boolean,
): Promise<void> {
  const { next, state, revived } = member;
  const settle = (later: string): Promise<void> => settleMember(host, flow, later, again);
  if (next !== null) {
    if (again)
      await commitAll(
        host.ledger,
        next.flatMap((later) => edgeChanges(flow, key, later, state)),
      );
    await each(next, settle);
  } else {
    let page: string[] = [];
    const settlePage = async (): Promise<void> => {
      await commitAll(
        host.ledger,
        page.flatMap((later) => edgeChanges(flow, key, later, state)),
      );
      await each(page, settle);
      page = [];
    };
    for await (const record of allRecords(host.ledger, partPrefix(flow, "next", key))) {
      if (page.push(lastPart(record.key)) === 200) await settlePage();
    }
    await settlePage();
  }
  if (revived) await resumeFlow(host, flow, (later) => settleMember(host, flow, later, true));
}

/** Whether a member, or the flow, waits for another. */
async function isOpen({ ledger }: FlowHost, flow: string, key: string): Promise<boolean> {
  return (await ledger.list({ prefix: partPrefix(flow, "open", key), limit: 1 })).length > 0;
}

async function anyDied({ ledger }: FlowHost, flow: string, key: string): Promise<boolean> {
  return (await ledger.list({ prefix: partPrefix(flow, "died", key), limit: 1 })).length > 0;
}

/**
 * Starts or ends a member that waits for no other, and starts what comes after one that was cancelled. Does nothing while it waits for
 * one, and once it has started.
 */
export async function settleMember(host: FlowHost, flow: string, key: string, again: boolean): Promise<void> {
  if (await isOpen(host, flow, key)) return;
  if (key === WHOLE_FLOW) return endFlow(host, flow);
  for (let conflicts = 0; ; conflicts += 1) {
    if (conflicts > 0) await afterConflict(partKey(flow, "member", key), conflicts - 1);
    const { head, member } = await readMember(host, flow, key);
    if (head === null || member === null) return;
    const { value, version } = member;
    if (value.state === "cancelled") return settleNext(host, flow, key, value, true);
    if (value.state !== "waiting") {
      // Another process has decided this; whether it has enqueued the job is unknown after a crash.
      if (value.state === "enqueued" && again) await start(host, flow, key, value.id);
      return;
    }
    if (head.value.state === "cancelled")
      return void (await endMember(host, flow, key, cancelledEnd, keptEnd(value, cancelledEnd)));
    const isStopped = head.value.state === "stopped" && value.when !== "ended";
    if (isStopped || (value.when === "completed" && (await anyDied(host, flow, key)))) {
      const end = isStopped ? stoppedEnd : dependencyEnd;
      return void (await endMember(host, flow, key, end, keptEnd(value, end)));
    }
    const change = memberChange(flow, key, { ...value, state: "enqueued", since: wallMs() }, version);
    if ((await host.ledger.commit([change])).ok) return start(host, flow, key, value.id);
  }
}

/** Enqueues the job of a member. One that never can be enqueued has died. */
export async function start(host: FlowHost, flow: string, key: string, id: string): Promise<void> {
  const refusal = await enqueueMember(host, flow, id);
  if (refusal !== null) await endMember(host, flow, key, { state: "dead", ...refusal });
}

export const cancelledEnd: MemberEnd = { state: "cancelled", code: "CANCELLED", message: "the flow was cancelled" };
export const stoppedEnd: MemberEnd = {
  state: "dependency_dead",
  code: "DEPENDENCY_DEAD",
  message: "a member of its flow has died, which stops the flow",
};
const dependencyEnd: MemberEnd = {
  state: "dependency_dead",
  code: "DEPENDENCY_DEAD",
  message: "a job that it comes after has not completed",
};

/** Keeps the end of a member that never ran for `jobs.result`. */
export function keptEnd({ id, keepMs }: MemberRecord, { code, message }: MemberEnd): LedgerChange[] {
  if (keepMs === null) return [];
  return [
    {
      key: resultKey(id),
      ifVersion: "any",
      value: JSON.stringify({ state: "dead", code, message }),
      expiresInMs: keepMs,
      notify: true,
    },
  ];
}

/** Records how a flow has ended, unless it has members that have not, and again after a replay. */
async function endFlow(host: FlowHost, flow: string): Promise<void> {
  const { ledger, events } = host;
  for (let conflicts = 0; ; conflicts += 1) {
    if (conflicts > 0) await afterConflict(headKey(flow), conflicts - 1);
    const head = headOf((await ledger.read([headKey(flow)]))[0]);
    if (head === null || head.value.state === "storing" || (await isOpen(host, flow, WHOLE_FLOW))) return;
    const failed = await anyDied(host, flow, WHOLE_FLOW);
    const state = head.value.state === "cancelled" ? "cancelled" : failed ? "failed" : "completed";
    const { name, endedAt, keepMs } = head.value;
    if (endedAt !== null && head.value.state === state) return;
    const ended = await ledger.commit([
      headChange(flow, { ...head.value, state, endedAt: wallMs() }, head.version),
      dutyChange(flow, "remove", keepMs),
      remove(dueKey(flow, WHOLE_FLOW)),
    ]);
    if (ended.ok) return events.emit("flow_ended", { flow, name, state });
  }
}
