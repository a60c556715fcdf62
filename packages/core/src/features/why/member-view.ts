import type { Ledger } from "../../backend/ledger.ts";
import { dueKey, edgeOf, lastPart, partKey, partPrefix, WHOLE_FLOW } from "../flows/flow-keys.ts";
import { flowOf } from "../flows/flow-mark.ts";
import { type FlowHead, memberOf, type MemberRecord } from "../flows/flow-records.ts";
import { readMember } from "../flows/flow-store.ts";
import { parsedValue } from "../record-value.ts";
import type { FlowJob } from "./why-api.ts";

/** The place of a job in a flow, and what has to be known of the others. */
export interface MemberView {
  readonly flow: string;
  readonly head: FlowHead;
  readonly member: MemberRecord;
  /** Of a member that waits: how many it waits for, to 10,000, and the first few of them. */
  readonly open: { readonly count: number; readonly jobs: readonly FlowJob[] };
  /** Of a member that cannot run: those that have died and are why, the first few. */
  readonly because: readonly FlowJob[];
  /** What a worker does for the flow unless another process does it first; null for nothing. */
  readonly duty: string | null;
}

const MOST_NAMED = 5;
const MOST_COUNTED = 10_000;
const PAGE = 1_000;
/** A chain of members that ended because of one another is followed this far. */
const MOST_STEPS = 100;

/** Reads what a flow says of one of its jobs. Null for a flow that is no longer kept. Rejects as the ledger does. */
export async function memberView(ledger: Ledger, id: string, body: string): Promise<MemberView | null> {
  const place = flowOf({ id, body });
  if (place === null) return null;
  const { flow, key } = place;
  const { head, member } = await readMember({ ledger }, flow, key);
  if (head === null || member === null) return null;
  const view = { flow, head: head.value, member: member.value };
  const isWaiting = member.value.state === "waiting";
  const cannotRun = member.value.state === "dependency_dead" || head.value.state === "stopped";
  const [duty = null] = await ledger.read([dueKey(flow)]);
  const { duty: name } = duty === null ? {} : parsedValue(duty);
  return {
    ...view,
    open: isWaiting ? await openOf(ledger, flow, key) : { count: 0, jobs: [] },
    because: cannotRun ? await culprits(ledger, flow, key, member.value) : [],
    duty: typeof name === "string" ? name : null,
  };
}

async function openOf(ledger: Ledger, flow: string, key: string): Promise<MemberView["open"]> {
  const prefix = partPrefix(flow, "open", key);
  const first: string[] = [];
  let count = 0;
  for (let after: string | undefined; count < MOST_COUNTED;) {
    const page = await ledger.list({ prefix, limit: PAGE, ...(after !== undefined && { after }) });
    count += page.length;
    first.push(...page.slice(0, MOST_NAMED - first.length).map((record) => edgeOf(record.key, "open")[1]));
    after = page.at(-1)?.key;
    if (page.length < PAGE) break;
  }
  return { count, jobs: (await jobsOf(ledger, flow, first)).map(({ job }) => job) };
}

/** Follows those before it that have ended without completing to the ones that died themselves, else finds those that stopped the flow. */
async function culprits(
  ledger: Ledger,
  flow: string,
  key: string,
  { when }: MemberRecord,
): Promise<readonly FlowJob[]> {
  const seen = new Set<string>();
  let level = when === "completed" ? [key] : [];
  for (let step = 0; step < MOST_STEPS && level.length > 0; step += 1) {
    const before: string[] = [];
    for (const one of level) {
      const died = await ledger.list({ prefix: partPrefix(flow, "died", one), limit: MOST_NAMED });
      before.push(...died.map((record) => lastPart(record.key)).filter((name) => !seen.has(name)));
    }
    for (const one of before) seen.add(one);
    const found = await jobsOf(ledger, flow, before.slice(0, MOST_NAMED));
    const dead = found.filter(({ job }) => job.state !== "dependency_dead");
    if (dead.length > 0) return dead.map(({ job }) => job);
    level = before.slice(0, MOST_NAMED);
  }
  const ended = await ledger.list({ prefix: partPrefix(flow, "died", WHOLE_FLOW), limit: PAGE });
  const found = await jobsOf(
    ledger,
    flow,
    ended.map((record) => lastPart(record.key)),
  );
  return found
    .filter(({ job, stops }) => job.state === "dead" && stops)
    .slice(0, MOST_NAMED)
    .map(({ job }) => job);
}

async function jobsOf(
  ledger: Ledger,
  flow: string,
  keys: readonly string[],
): Promise<{ readonly job: FlowJob; readonly stops: boolean }[]> {
  if (keys.length === 0) return [];
  const records = await ledger.read(keys.map((one) => partKey(flow, "member", one)));
  return records.flatMap((record) => {
    const found = memberOf(record)?.value;
    if (found === undefined) return [];
    const { id, type, queue, state, code = null, stops } = found;
    return [{ job: { id, type, queue, state, code }, stops }];
  });
}
