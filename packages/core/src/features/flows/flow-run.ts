import type { LedgerChange } from "../../backend/ledger.ts";
import { WaybillError } from "../../errors.ts";
import type { AddMember, FlowMember, FlowMemberOptions, FlowResult, FlowRun } from "../../job/flow-types.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import { keepResultMsOf } from "../../job/result-options.ts";
import { completed, dead, endedBefore, endedByCancel, type Outcome } from "../../job/outcome.ts";
import { allRecords } from "../all-records.ts";
import { deliveriesOf, type DeliveryCounts, isUnsettled, markSettled } from "./dead-member.ts";
import { checkedMember } from "./flow-builder.ts";
import { cancelledEnd, endMember, type MemberEnd, settleMember, stoppedEnd } from "./flow-ends.ts";
import {
  addedKey,
  diedKey,
  doneKey,
  dueKey,
  jobKey,
  lastPart,
  memberId,
  nextKey,
  openKey,
  partKey,
  partPrefix,
} from "./flow-keys.ts";
import {
  dutyChange,
  DUTY_MS,
  hasEnded,
  memberChange,
  memberOf,
  type MemberRecord,
  MOST_INLINE,
  put,
  remove,
} from "./flow-records.ts";
import type { MemberOfFlow } from "./flow-mark.ts";
import { chunks, readMember } from "./flow-store.ts";
import { type FlowStarter, jobText, labelOf, memberOptions } from "./store-flow.ts";

/** What became of a member without a run. */
export interface Refused {
  readonly outcome: Outcome;
  /** Called once the outcome is settled. Null: nothing is to be stored then. */
  readonly settled: Settled | null;
}

const MARK_OF_ANOTHER =
  "meta.flow is the mark of a job with another id: enqueue this one again without it; flows are started by jobs.flow(…)";

/** Rejects as the ledger does. */
export type Settled = () => Promise<void>;

/** Returns the outcome of a member that is not to run; null for one that is. Rejects as the ledger and the queue do. */
export async function enterMember(
  host: FlowStarter,
  of: MemberOfFlow,
  delivery: DeliveryCounts,
): Promise<Refused | null> {
  const { flow, key } = of;
  const { head, member } = await readMember(host, flow, key);
  if (head === null || member === null) return null;
  if (member.value.id !== delivery.id) return refused(dead("FLOW_INVALID", MARK_OF_ANOTHER));
  const { state, when } = member.value;
  if (state === "completed" || state === "cancelled" || state === "dependency_dead") {
    // A worker has died before it has settled the job.
    await endMember(host, flow, key, { state });
    return refused(state === "completed" ? completed : endedBefore);
  }
  if (state === "waiting") return refused(endedBefore);
  if (isUnsettled(member.value, delivery)) {
    const { kept = true, code = "DEAD_LETTERED", message = "" } = member.value;
    await endMember(host, flow, key, { state: "dead" });
    return refused(
      { kind: "dead", reason: { code, message }, kept },
      kept ? () => markSettled(host, of, member) : null,
    );
  }
  // A replay. Its further deliveries are not those of the life before.
  if (state === "dead" && member.value.deliveries !== undefined) await markSettled(host, of, member);
  if (head.value.state === "cancelled") {
    await endMember(host, flow, key, cancelledEnd);
    return refused(endedByCancel);
  }
  if (head.value.state === "stopped" && state === "enqueued" && when !== "ended") {
    await endMember(host, flow, key, stoppedEnd);
    const ended = dead("DEPENDENCY_DEAD", stoppedEnd.message ?? "");
    return refused(ended.kind === "dead" ? { ...ended, kept: false } : ended);
  }
  return null;
}

const refused = (outcome: Outcome, settled: Settled | null = null): Refused => ({ outcome, settled });

/**
 * Stores how a member has ended, and starts what comes after it. Does nothing for an outcome that does not end it. Returns what is called
 * once the job is settled; null for nothing.
 */
export async function leaveMember(
  host: FlowStarter,
  of: MemberOfFlow,
  outcome: Outcome,
  also: readonly LedgerChange[],
  delivery: DeliveryCounts,
): Promise<Settled | null> {
  const { flow, key } = of;
  if (outcome.kind === "completed") {
    await endMember(host, flow, key, { state: "completed", result: outcome.result, job: delivery.id }, also);
    return null;
  }
  if (outcome.kind !== "dead") return null;
  const { code, message } = outcome.reason;
  const state: MemberEnd["state"] = code === "CANCELLED" ? "cancelled" : "dead";
  const { kept } = outcome;
  const end: MemberEnd = { state, code, message, kept, deliveries: deliveriesOf(delivery), job: delivery.id };
  const stored = await endMember(host, flow, key, end, also);
  return stored !== null && state === "dead" && kept ? () => markSettled(host, of, stored) : null;
}

/** Returns what the handler of a member can do with its flow. */
export function flowRun(host: FlowStarter, { flow, key }: MemberOfFlow): FlowRun {
  const { ledger } = host;
  const handles = new Map<FlowMember, string>();
  let count = 0;

  async function addMember(
    job: JobDefinition | string,
    payload: unknown,
    options: FlowMemberOptions = {},
  ): Promise<FlowMember> {
    const added = addedKey(key, count);
    if (added.length > 150)
      throw new WaybillError(
        "CONFIG_INVALID",
        "members have added members more than 20 levels deep: start another flow",
      );
    count += 1;
    const of = `flow "${flow}"`;
    const given = checkedMember(job, options, new Set(handles.keys()), of, "continue");
    const handle: FlowMember = { id: memberId(flow, added), flow };
    handles.set(handle, added);
    const envelope = await host.envelopeOf(job, payload, memberOptions(given.options, handle.id, flow, added));
    const text = jobText(envelope, host.capabilities);
    const after = given.after.map((one) => handles.get(one) as string);
    for (;;) {
      const [own, there, ...before] = await ledger.read(
        [key, added, ...after].map((one) => partKey(flow, "member", one)),
      );
      const adder = memberOf(own)?.value;
      if (adder === undefined)
        throw new WaybillError("CONFIG_INVALID", `${of} is no longer kept, so nothing can be added to it`);
      const known = memberOf(there);
      if (known !== null) {
        // Added by an earlier attempt, which may have died before it has enqueued it.
        await settleMember(host, flow, added, true);
        return handle;
      }
      const later = adder.next ?? (await nextOf(adder));
      const keepMs = typeof job === "string" ? null : keepResultMsOf(job);
      const record: MemberRecord = {
        ...labelOf(envelope),
        state: "waiting",
        when: given.when,
        stops: options.onDead === undefined ? adder.stops : given.stops,
        next: later.length > MOST_INLINE ? null : later,
        keepMs,
      };
      const changes = [
        memberChange(flow, added, record, "absent"),
        put(jobKey(handle.id), text),
        ...(later.length > MOST_INLINE ? later.map((one) => put(nextKey(flow, added, one))) : []),
        ...later.map((one) => put(openKey(flow, one, added))),
        ...before.flatMap((one, at) => edge(flow, after[at] as string, added, memberOf(one))),
        dutyChange(flow, "member", DUTY_MS, added),
      ];
      let isStored = true;
      // The member itself in the last one: what is stored before it is stored again.
      for (const chunk of chunks(changes.toReversed())) isStored &&= (await ledger.commit(chunk)).ok;
      if (!isStored) continue;
      await settleMember(host, flow, added, true);
      await ledger.commit([remove(dueKey(flow, added))]);
      return handle;
    }
  }

  async function nextOf({ next }: MemberRecord): Promise<readonly string[]> {
    if (next !== null) return next;
    const found: string[] = [];
    for await (const record of allRecords(ledger, partPrefix(flow, "next", key))) found.push(lastPart(record.key));
    return found;
  }

  async function results(): Promise<FlowResult[]> {
    const keys: string[] = [];
    for (const part of ["done", "died"] as const) {
      for await (const record of allRecords(ledger, partPrefix(flow, part, key))) keys.push(lastPart(record.key));
    }
    keys.sort();
    const found: FlowResult[] = [];
    for (let from = 0; from < keys.length; from += 400) {
      const some = keys.slice(from, from + 400);
      const records = await ledger.read([
        ...some.map((one) => partKey(flow, "member", one)),
        ...some.map((one) => partKey(flow, "result", one)),
      ]);
      for (const at of some.keys()) {
        const one = memberOf(records[at])?.value;
        const result = records[some.length + at];
        if (one === undefined) continue;
        const { id, type, state, code, message = "" } = one;
        const value: unknown = result ? JSON.parse(result.value) : null;
        found.push({
          id,
          type,
          state,
          result: value as FlowResult["result"],
          reason: code === undefined ? null : { code, message },
        });
      }
    }
    return found;
  }

  return { id: flow, add: addMember as AddMember<"now">, results };
}

/** The changes that make a new member come after another, which must not end meanwhile. */
function edge(flow: string, before: string, added: string, found: ReturnType<typeof memberOf>): LedgerChange[] {
  if (found === null) return [];
  const { value, version } = found;
  if (hasEnded(value)) return [put((value.state === "completed" ? doneKey : diedKey)(flow, added, before))];
  const isMany = value.next === null || value.next.length >= MOST_INLINE;
  const next = isMany ? null : [...(value.next ?? []), added];
  return [
    memberChange(flow, before, { ...value, next }, version),
    put(openKey(flow, added, before)),
    ...(isMany ? [...(value.next ?? []), added].map((one) => put(nextKey(flow, before, one))) : []),
  ];
}
