import type { JobControl } from "../../backend/job-control.ts";
import { WaybillError } from "../../errors.ts";
import type { FlowMember, FlowMemberState, FlowOrder } from "../../job/flow-types.ts";
import { assertKnownOptions, describeValue } from "../../known-options.ts";
import { afterConflict } from "../after-conflict.ts";
import { allRecords } from "../all-records.ts";
import type {
  BatchEnd,
  BatchItem,
  FlowApi,
  FlowOptions,
  FlowSummary,
  StoredFlow,
  StoredFlowMember,
} from "./flow-api.ts";
import { createFlow } from "./flow-builder.ts";
import { cancelledEnd, endMember, keptEnd } from "./flow-ends.ts";
import { dueKey, edgeOf, flowOfHead, FLOWS, headKey, lastPart, partPrefix, WHOLE_FLOW } from "./flow-keys.ts";
import { dutyChange, DUTY_MS, type FlowHead, headChange, headOf, memberOf, type MemberRecord } from "./flow-records.ts";
import { each } from "./flow-store.ts";
import { type FlowStarter, startFlow } from "./store-flow.ts";

/** Makes the calls of one connection. `host` throws `CAPABILITY_MISSING` where the backend has no ledger. */
export function createFlowCalls(host: () => FlowStarter, jobControl: JobControl | null): FlowApi {
  const flow: FlowApi["flow"] = (name, options = {}) =>
    createFlow(name, options, async (built) => startFlow(host(), built));

  return {
    flow,
    flows: {
      get: async (id) => readFlow(host(), assertedId(id, "get")),
      async list(query = {}) {
        assertKnownOptions(query, { limit: true, after: true }, "the options of flows.list");
        const { limit = 100, after } = query;
        if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
          throw invalid(`limit of flows.list is ${describeValue(limit)}: a whole number from 1 to 1,000`);
        const { ledger } = host();
        const range = {
          prefix: FLOWS,
          limit,
          ...(after !== undefined && { after: headKey(assertedId(after, "list")) }),
        };
        const records = await ledger.list(range);
        const flows: FlowSummary[] = [];
        for (const record of records) {
          const head = headOf(record)?.value;
          if (head !== undefined && head.state !== "storing") flows.push(summaryOf(flowOfHead(record.key), head));
        }
        const last = records.at(-1);
        return { flows, next: records.length < limit || last === undefined ? null : flowOfHead(last.key) };
      },
      cancel: async (id) => cancelFlow(host(), jobControl, assertedId(id, "cancel")),
    },
    batch: async (items, then, options = {}) => batch(flow, items as readonly Item[], then as Item, options),
  };
}

type Item = BatchItem<unknown> & Pick<BatchEnd, "when">;

async function batch(
  flow: FlowApi["flow"],
  items: readonly Item[],
  then: Item,
  { name = "batch", ...options }: FlowOptions & { readonly name?: string | undefined },
): Promise<{ readonly id: string; readonly started: boolean }> {
  if (!Array.isArray(items)) throw invalid(`batch got ${describeValue(items)}: pass a list of { job, payload }`);
  const built = flow(name, options);
  const add = (item: Item, of: string, order: FlowOrder): FlowMember => {
    if (typeof item !== "object" || item === null)
      throw invalid(`${of} of batch is ${describeValue(item)}: pass { job, payload }`);
    return built.add<unknown, unknown>(item.job, item.payload, { ...item.options, ...order });
  };
  const after = items.map((item, at) => add(item, `item ${at}`, {}));
  add(then, "the second argument", { after, when: then.when });
  return built.start();
}

function summaryOf(id: string, { name, state, size, startedAt, endedAt }: FlowHead): FlowSummary {
  return { id, name, state: state === "storing" ? "running" : state, size, startedAt, endedAt };
}

async function readFlow({ ledger }: FlowStarter, id: string): Promise<StoredFlow | null> {
  const head = headOf((await ledger.read([headKey(id)]))[0])?.value;
  if (head === undefined || head.state === "storing") return null;
  const members = new Map<string, MemberRecord>();
  for await (const record of allRecords(ledger, partPrefix(id, "member"))) {
    const member = memberOf(record);
    if (member !== null) members.set(lastPart(record.key), member.value);
  }
  const after = new Map<string, Set<string>>();
  for (const part of ["open", "done", "died"] as const) {
    for await (const { key } of allRecords(ledger, partPrefix(id, part))) {
      const [later, before] = edgeOf(key, part);
      if (later !== WHOLE_FLOW) after.set(later, (after.get(later) ?? new Set()).add(before));
    }
  }
  const shown = ([key, { id: job, type, queue, state, when, code, message = "" }]: [
    string,
    MemberRecord,
  ]): StoredFlowMember => ({
    id: job,
    type,
    queue,
    state,
    when,
    after: [...(after.get(key) ?? [])].sort().flatMap((before) => members.get(before)?.id ?? []),
    reason: code === undefined ? null : { code, message },
  });
  return { ...summaryOf(id, head), members: [...members].map(shown) };
}

/** Stops what has not started. A second call does what a first one, that died, has left. Returns false for a flow that has ended. */
export async function cancelFlow(host: FlowStarter, jobControl: JobControl | null, id: string): Promise<boolean> {
  const { ledger } = host;
  let duty = 0;
  for (let conflicts = 0; duty === 0; conflicts += 1) {
    if (conflicts > 0) await afterConflict(headKey(id), conflicts - 1);
    const head = headOf((await ledger.read([headKey(id)]))[0]);
    if (head === null || head.value.state === "storing" || head.value.endedAt !== null) return false;
    const cancelled = headChange(id, { ...head.value, state: "cancelled" }, head.version);
    const commit = await ledger.commit([cancelled, dutyChange(id, "cancelling", DUTY_MS)]);
    if (commit.ok) duty = commit.versions[1] as number;
  }
  const members = new Map<FlowMemberState, [string, MemberRecord][]>();
  for await (const record of allRecords(ledger, partPrefix(id, "member"))) {
    const member = memberOf(record)?.value;
    if (member === undefined) continue;
    members.set(member.state, [...(members.get(member.state) ?? []), [lastPart(record.key), member]]);
  }
  const cancel = ([key, member]: [string, MemberRecord]): Promise<unknown> =>
    endMember(host, id, key, cancelledEnd, keptEnd(member, cancelledEnd));
  await each(members.get("waiting") ?? [], cancel);
  // A worker ends the others when it is given them, as it does where the queue cannot be looked into.
  const enqueued = members.get("enqueued") ?? [];
  for (let from = 0; from < enqueued.length; from += 500) {
    if (jobControl === null) break;
    const some = enqueued.slice(from, from + 500);
    const results = await jobControl.cancel(some.map(([, member]) => member.id));
    const gone = some.filter((_, at) => results[at] === "done");
    for (const [, { id: job, type, queue }] of gone) host.events.emit("cancelled", { id: job, type, queue });
    await each(gone, cancel);
  }
  // Left alone where the flow has ended: the duty is to remove it then.
  await ledger.commit([{ key: dueKey(id), ifVersion: duty, value: null }]);
  return true;
}

function assertedId(id: unknown, call: string): string {
  if (typeof id === "string" && id !== "") return id;
  throw invalid(`flows.${call} got ${describeValue(id)}: pass the id of a flow, as start() returns it`);
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
