import type { DeadReason } from "../../backend/contract.ts";
import type { Inspector } from "../../backend/inspector.ts";
import type { JobControl } from "../../backend/job-control.ts";
import type { LedgerChange } from "../../backend/ledger.ts";
import { parseEnvelope, parseTimestamp } from "../../envelope/index.ts";
import { wallMs } from "../../time/clock.ts";
import { allRecords } from "../all-records.ts";
import { ledgerPrefix } from "../ledger-key.ts";
import { endMember, keptEnd, type MemberEnd } from "./flow-ends.ts";
import { dueKey, headKey, jobKey, lastPart, partPrefix, WHOLE_FLOW } from "./flow-keys.ts";
import { flowOf } from "./flow-mark.ts";
import { dutyChange, DUTY_MS, headOf, memberOf, type MemberRecord, remove } from "./flow-records.ts";
import type { FlowHost } from "./flow-store.ts";

/** Where jobs can be looked up. */
export interface JobFinder {
  /** Null for a broker that cannot look a job up. */
  readonly jobControl: JobControl | null;
  /** Returns the dead letters that are members of flows, by id. Null for a backend without an inspector. */
  readonly letters: (() => Promise<ReadonlyMap<string, DeadReason>>) | null;
}

/** Where the broker cannot be asked, a member without an end is lost after this long: no queue of SQS keeps a message longer. */
const LOST_MS = 14 * 86_400_000;
/** Ids of one look. */
const PAGE = 500;

/** Returns what one sweep looks jobs up by: the dead letters are listed once for all flows. */
export function jobFinder(jobControl: JobControl | null, inspector: Inspector | null): JobFinder {
  let listed: Promise<ReadonlyMap<string, DeadReason>> | null = null;
  const list = async (from: Inspector): Promise<ReadonlyMap<string, DeadReason>> => {
    const found = await from.deadLetters({ limit: Infinity });
    return new Map(found.flatMap((one) => (flowOf(one) === null ? [] : [[one.id, one.reason]])));
  };
  return { jobControl, letters: inspector && (() => (listed ??= list(inspector))) };
}

/**
 * Ends the members whose job has left its queue without an end: a broker has dead-lettered it (a delivery limit, a redrive policy), or
 * another program has. Returns false once there is nothing to check any more. A false end is undone when the job runs after all, as by a
 * replay. Rejects as the ledger and the queue do.
 */
export async function checkFlow(host: FlowHost, finder: JobFinder, flow: string): Promise<boolean> {
  const head = headOf((await host.ledger.read([headKey(flow)]))[0])?.value;
  if (head === undefined || head.endedAt !== null) return false;
  const enqueued = await membersIn(host, flow, ["enqueued"]);
  for (let from = 0; from < enqueued.length; from += PAGE) {
    const some = enqueued.slice(from, from + PAGE);
    const { jobControl } = finder;
    if (jobControl === null) await checkByLetters(host, finder, flow, head.startedAt, some);
    else await checkInStore(host, jobControl, flow, some);
  }
  return true;
}

type Member = readonly [key: string, member: MemberRecord];

async function membersIn({ ledger }: FlowHost, flow: string, states: readonly MemberRecord["state"][]) {
  const found: Member[] = [];
  for await (const record of allRecords(ledger, partPrefix(flow, "member"))) {
    const member = memberOf(record)?.value;
    if (member !== undefined && states.includes(member.state)) found.push([lastPart(record.key), member]);
  }
  return found;
}

async function checkInStore(host: FlowHost, jobControl: JobControl, flow: string, members: readonly Member[]) {
  const missing: Member[] = [];
  const found = await jobsById(jobControl, members);
  for (const member of members) {
    const job = found.get(member[1].id);
    if (job === undefined) missing.push(member);
    else if (job.state === "dead") await end(host, flow, member, deadEnd(job.reason));
  }
  if (missing.length === 0 || (await isUnderWay(host, jobControl, flow))) return;
  // Looked up again: what was enqueued before that is there now, unless it is lost.
  const again = await jobsById(jobControl, missing);
  for (const member of missing) if (!again.has(member[1].id)) await end(host, flow, member, LOST_END);
}

async function jobsById(jobControl: JobControl, members: readonly Member[]) {
  const { jobs } = await jobControl.list({ ids: members.map(([, { id }]) => id), limit: PAGE });
  return new Map(jobs.map((job) => [job.id, job]));
}

/**
 * Whether a step of the flow may still be done, so that a member that is not in its queue may yet be enqueued: by a duty, or by the worker
 * that has stored the end of a member and not settled its job.
 */
async function isUnderWay(host: FlowHost, jobControl: JobControl, flow: string): Promise<boolean> {
  const { ledger } = host;
  const [duty] = await ledger.read([dueKey(flow)]);
  const duties = await ledger.list({ prefix: ledgerPrefix("flow", "due", flow), limit: 2 });
  if (duty || duties.some(({ key }) => key !== dueKey(flow, WHOLE_FLOW))) return true;
  const ended = await membersIn(host, flow, ["completed", "dead", "cancelled"]);
  for (let from = 0; from < ended.length; from += PAGE) {
    const jobs = await jobsById(jobControl, ended.slice(from, from + PAGE));
    if ([...jobs.values()].some(({ state }) => state !== "dead")) return true;
  }
  return false;
}

async function checkByLetters(
  host: FlowHost,
  { letters }: JobFinder,
  flow: string,
  startedAt: number,
  members: readonly Member[],
): Promise<void> {
  const dead = await letters?.();
  for (const member of members) {
    const [, { id, since = startedAt }] = member;
    const reason = dead?.get(id);
    if (reason !== undefined) await end(host, flow, member, deadEnd(reason));
    else if (wallMs() - Math.max(since, await runAtOf(host, id, since)) > LOST_MS)
      await end(host, flow, member, LOST_END);
  }
}

/** Returns when a job was to run. Read for old members alone. */
async function runAtOf({ ledger }: FlowHost, id: string, since: number): Promise<number> {
  if (wallMs() - since <= LOST_MS) return since;
  const [record] = await ledger.read([jobKey(id)]);
  const runAt = record && parseEnvelope(record.value).scheduled_at;
  return runAt === undefined || runAt === null ? since : parseTimestamp(runAt);
}

/** If this process dies in between, a worker starts what comes after the member. */
async function end(host: FlowHost, flow: string, [key, member]: Member, how: MemberEnd): Promise<void> {
  const also: LedgerChange[] = [dutyChange(flow, "ended", DUTY_MS, key), ...keptEnd(member, how)];
  await endMember(host, flow, key, how, also);
  await host.ledger.commit([remove(dueKey(flow, key))]);
}

const deadEnd = (reason: DeadReason | null): MemberEnd =>
  reason === null ? LOST_END : { state: "dead", code: reason.code, message: reason.message };

const LOST_END: MemberEnd = {
  state: "dead",
  code: "JOB_LOST",
  message:
    "its job is no longer in its queue, and no worker has stored its end: another program, or the broker, has removed it",
};
