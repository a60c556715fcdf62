import type { JobControl } from "../../backend/job-control.ts";
import type { LedgerRecord } from "../../backend/ledger.ts";
import { allRecords } from "../all-records.ts";
import { parsedValue } from "../record-value.ts";
import { cancelFlow } from "./flow-calls.ts";
import { cancelledEnd, endMember, keptEnd, settleMember, start } from "./flow-ends.ts";
import { recordsPrefix, FLOWS_DUE, headKey, lastPart, partKey, partPrefix } from "./flow-keys.ts";
import { dutyChange, type FlowDuty, headOf, memberOf, remove } from "./flow-records.ts";
import { commitAll, each } from "./flow-store.ts";
import type { FlowStarter } from "./store-flow.ts";

/** One worker does a duty; another one may, after this long. */
const TAKEN_MS = 30_000;
const MOST_DUE = 100;

/**
 * Does what the processes that build, cancel and extend flows have left undone, and removes flows that are no longer kept. Returns how
 * many duties it has found. Rejects when the ledger or the queue is unavailable.
 */
export async function sweepFlows(host: FlowStarter, jobControl: JobControl | null): Promise<number> {
  const due = await host.ledger.due({ prefix: FLOWS_DUE, limit: MOST_DUE });
  for (const record of due) await sweep(host, jobControl, record);
  return due.length;
}

async function sweep(host: FlowStarter, jobControl: JobControl | null, record: LedgerRecord): Promise<void> {
  const { ledger } = host;
  const { flow, duty, member } = parsedValue(record);
  if (typeof flow !== "string")
    return void (await ledger.commit([{ key: record.key, ifVersion: record.version, value: null }]));
  const key = typeof member === "string" ? member : undefined;
  const taken = { ...dutyChange(flow, duty as FlowDuty, TAKEN_MS, key), ifVersion: record.version };
  const commit = await ledger.commit([taken]);
  if (!commit.ok) return;
  await perform(host, jobControl, flow, duty as FlowDuty, key);
  // Left alone where the duty is another one by now.
  await ledger.commit([{ key: record.key, ifVersion: commit.versions[0] as number, value: null }]);
}

async function perform(
  host: FlowStarter,
  jobControl: JobControl | null,
  flow: string,
  duty: FlowDuty,
  key: string | undefined,
): Promise<void> {
  const { ledger } = host;
  switch (duty) {
    case "storing": {
      const head = headOf((await ledger.read([headKey(flow)]))[0]);
      return head?.value.state === "storing" ? removeFlow(host, flow) : undefined;
    }
    case "starting": {
      let page: string[] = [];
      for await (const record of allRecords(ledger, partPrefix(flow, "member"))) {
        if (memberOf(record)?.value.state === "enqueued") page.push(lastPart(record.key));
        if (page.length === 200) await each(page.splice(0), (one) => start(host, flow, one));
      }
      return each(page, (one) => start(host, flow, one));
    }
    case "cancelling":
      return void (await cancelFlow(host, jobControl, flow));
    case "member":
      return key === undefined ? undefined : settleMember(host, flow, key, true);
    case "cancelled":
      return key === undefined ? undefined : endIfGone(host, jobControl, flow, key);
    case "remove":
      return removeFlow(host, flow);
  }
}

/** Ends a member whose job was cancelled, if that was done before the process died. */
async function endIfGone(host: FlowStarter, jobControl: JobControl | null, flow: string, key: string): Promise<void> {
  const member = memberOf((await host.ledger.read([partKey(flow, "member", key)]))[0])?.value;
  if (member?.state !== "enqueued" || jobControl === null) return;
  const { jobs } = await jobControl.list({ ids: [member.id], limit: 1 });
  if (jobs.length === 0) await endMember(host, flow, key, cancelledEnd, keptEnd(member, cancelledEnd));
}

async function removeFlow({ ledger }: FlowStarter, flow: string): Promise<void> {
  let keys: string[] = [];
  const removeKeys = async (): Promise<void> => commitAll(ledger, keys.splice(0).map(remove));
  for await (const { key } of allRecords(ledger, recordsPrefix(flow))) {
    if (keys.push(key) === 1_000) await removeKeys();
  }
  keys.push(headKey(flow));
  await removeKeys();
}
