import { numberOf } from "../../backend/foreign-records.ts";
import type { Inspector } from "../../backend/inspector.ts";
import type { JobControl } from "../../backend/job-control.ts";
import type { LedgerRecord } from "../../backend/ledger.ts";
import { allRecords } from "../all-records.ts";
import { parsedValue } from "../record-value.ts";
import { cancelFlow } from "./flow-calls.ts";
import { checkFlow, jobFinder, type JobFinder } from "./flow-check.ts";
import { cancelledEnd, endMember, keptEnd, settleMember, start } from "./flow-ends.ts";
import { FLOWS_DUE, headKey, jobKey, lastPart, partKey, partPrefix, recordsPrefix } from "./flow-keys.ts";
import { checkChange, dutyChange, type FlowDuty, headOf, memberOf, nextCheck, remove } from "./flow-records.ts";
import { commitAll, each } from "./flow-store.ts";
import type { FlowStarter } from "./store-flow.ts";

/** One worker does a duty; another one may, after this long. */
const TAKEN_MS = 30_000;
const MOST_DUE = 100;

/**
 * Does what the processes that build, cancel and extend flows have left undone, and removes flows that are no longer kept. Returns how
 * many duties it has found. Rejects when the ledger or the queue is unavailable.
 */
export async function sweepFlows(
  host: FlowStarter,
  jobControl: JobControl | null,
  inspector: Inspector | null,
): Promise<number> {
  const due = await host.ledger.due({ prefix: FLOWS_DUE, limit: MOST_DUE });
  const finder = jobFinder(jobControl, inspector);
  for (const record of due) await sweep(host, finder, record);
  return due.length;
}

async function sweep(host: FlowStarter, finder: JobFinder, record: LedgerRecord): Promise<void> {
  const { ledger } = host;
  const { flow, duty, member, afterMs } = parsedValue(record);
  if (typeof flow !== "string")
    return void (await ledger.commit([{ key: record.key, ifVersion: record.version, value: null }]));
  if (duty === "check") return sweepCheck(host, finder, flow, numberOf(afterMs) ?? TAKEN_MS, record);
  const key = typeof member === "string" ? member : undefined;
  const taken = { ...dutyChange(flow, duty as FlowDuty, TAKEN_MS, key), ifVersion: record.version };
  const commit = await ledger.commit([taken]);
  if (!commit.ok) return;
  await perform(host, finder.jobControl, flow, duty as FlowDuty, key);
  // Left alone where the duty is another one by now.
  await ledger.commit([{ key: record.key, ifVersion: commit.versions[0] as number, value: null }]);
}

async function sweepCheck(
  host: FlowStarter,
  finder: JobFinder,
  flow: string,
  afterMs: number,
  { key, version }: LedgerRecord,
): Promise<void> {
  const { ledger } = host;
  const taken = await ledger.commit([{ ...checkChange(flow, afterMs, TAKEN_MS), ifVersion: version }]);
  if (!taken.ok) return;
  const runs = await checkFlow(host, finder, flow);
  const ifVersion = taken.versions[0] as number;
  // Left alone where the flow has ended, or runs again, by now.
  await ledger.commit([runs ? { ...nextCheck(flow, afterMs), ifVersion } : { key, ifVersion, value: null }]);
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
      const page: [key: string, id: string][] = [];
      const startPage = (): Promise<void> => each(page.splice(0), ([one, id]) => start(host, flow, one, id));
      for await (const record of allRecords(ledger, partPrefix(flow, "member"))) {
        const found = memberOf(record)?.value;
        if (found?.state === "enqueued") page.push([lastPart(record.key), found.id]);
        if (page.length === 200) await startPage();
      }
      return startPage();
    }
    case "cancelling":
      return void (await cancelFlow(host, jobControl, flow));
    case "member":
      return key === undefined ? undefined : settleMember(host, flow, key, true);
    case "cancelled":
      return key === undefined ? undefined : endIfGone(host, jobControl, flow, key);
    case "ended":
      return key === undefined ? undefined : endAgain(host, flow, key);
    case "check":
      return;
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

/** Starts what comes after a member whose end is stored. */
async function endAgain(host: FlowStarter, flow: string, key: string): Promise<void> {
  const member = memberOf((await host.ledger.read([partKey(flow, "member", key)]))[0])?.value;
  if (member?.state === "dead") await endMember(host, flow, key, { state: "dead" });
}

async function removeFlow({ ledger }: FlowStarter, flow: string): Promise<void> {
  const members = partPrefix(flow, "member");
  const keys: string[] = [];
  const removeKeys = async (): Promise<void> => commitAll(ledger, keys.splice(0).map(remove));
  for await (const record of allRecords(ledger, recordsPrefix(flow))) {
    const found = record.key.startsWith(members) ? memberOf(record)?.value : undefined;
    if (found !== undefined) keys.push(jobKey(found.id));
    if (keys.push(record.key) >= 1_000) await removeKeys();
  }
  keys.push(headKey(flow));
  await removeKeys();
}
