import type { LedgerChange } from "../../backend/ledger.ts";
import { afterConflict } from "../after-conflict.ts";
import { allRecords } from "../all-records.ts";
import { diedKey, dueKey, edgeOf, headKey, lastPart, openKey, partPrefix, WHOLE_FLOW } from "./flow-keys.ts";
import {
  firstCheck,
  hasEnded,
  headChange,
  headOf,
  memberChange,
  memberOf,
  type MemberRecord,
  put,
  remove,
  type Versioned,
} from "./flow-records.ts";
import { chunks, each, type FlowHost } from "./flow-store.ts";

/**
 * After a dead letter was replayed and has completed: lets the members wait again that ended because of it, and calls `settle` for each
 * of them that waits. Does nothing while another job that they come after is dead. A second call does what a first one has left.
 */
export async function resumeFlow(host: FlowHost, flow: string, settle: (key: string) => Promise<void>): Promise<void> {
  for (let conflicts = 0; !(await tryResume(host, flow, settle)); conflicts += 1) {
    await afterConflict(headKey(flow), conflicts);
  }
}

/** Returns false when another process has changed a member meanwhile. */
async function tryResume(host: FlowHost, flow: string, settle: (key: string) => Promise<void>): Promise<boolean> {
  const { ledger } = host;
  const head = headOf((await ledger.read([headKey(flow)]))[0]);
  if (head === null || head.value.state === "cancelled") return true;
  const members = new Map<string, Versioned<MemberRecord>>();
  for await (const record of allRecords(ledger, partPrefix(flow, "member"))) {
    const member = memberOf(record);
    if (member !== null) members.set(lastPart(record.key), member);
  }
  const died = new Map<string, string[]>();
  for await (const { key } of allRecords(ledger, partPrefix(flow, "died"))) {
    const [later, before] = edgeOf(key, "died");
    died.set(later, [...(died.get(later) ?? []), before]);
  }
  const revived = revivable(members, died);
  for (const key of revived) {
    const { value, version } = members.get(key) as Versioned<MemberRecord>;
    const { code: _code, message: _message, ...kept } = value;
    const before = (died.get(key) ?? []).filter((one) => !isBlocking(one, members, revived));
    // Those that run already must not end between the two.
    const running = before.flatMap((one) => (revived.has(one) ? [] : touched(flow, one, members.get(one))));
    const changes: LedgerChange[] = before.flatMap((one) => [
      remove(diedKey(flow, key, one)),
      put(openKey(flow, key, one)),
    ]);
    changes.push(...running, remove(diedKey(flow, WHOLE_FLOW, key)));
    if (value.next?.includes(WHOLE_FLOW)) changes.push(put(openKey(flow, WHOLE_FLOW, key)));
    changes.push(memberChange(flow, key, { ...kept, state: "waiting" }, version));
    for (const some of chunks(changes.toReversed())) if (!(await ledger.commit(some)).ok) return false;
  }
  await reopenFlow(host, flow);
  const waiting = [...members].filter(([key, { value }]) => revived.has(key) || value.state === "waiting");
  await each(waiting, ([key]) => settle(key));
  await settle(WHOLE_FLOW);
  return true;
}

type Members = ReadonlyMap<string, Versioned<MemberRecord>>;

function touched(flow: string, key: string, member: Versioned<MemberRecord> | undefined): LedgerChange[] {
  return member === undefined ? [] : [memberChange(flow, key, member.value, member.version)];
}

/** Whether a member that another comes after has ended without completing, and stays so. */
function isBlocking(key: string, members: Members, revived: ReadonlySet<string>): boolean {
  const member = members.get(key)?.value;
  return member !== undefined && hasEnded(member) && member.state !== "completed" && !revived.has(key);
}

/** The members that ended because of others, each of which has completed by now or is itself among them. */
function revivable(members: Members, died: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [key, { value }] of members) if (value.state === "dependency_dead") found.add(key);
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (const key of found) {
      if (members.get(key)?.value.when === "ended") continue;
      if ((died.get(key) ?? []).some((before) => isBlocking(before, members, found))) found.delete(key);
    }
  }
  return found;
}

/** The flow runs again, after a replay. */
async function reopenFlow({ ledger }: FlowHost, flow: string): Promise<void> {
  for (let conflicts = 0; ; conflicts += 1) {
    if (conflicts > 0) await afterConflict(headKey(flow), conflicts - 1);
    const head = headOf((await ledger.read([headKey(flow)]))[0]);
    if (head === null || head.value.state === "cancelled") return;
    const running = headChange(flow, { ...head.value, state: "running", endedAt: null }, head.version);
    const changes = [running, remove(dueKey(flow)), firstCheck(flow, head.value.size)];
    if ((await ledger.commit(changes)).ok) return;
  }
}
