import { hash } from "node:crypto";
import type { LedgerChange } from "../../backend/ledger.ts";
import { unmetNeed } from "../../backend/envelope-needs.ts";
import type { Capabilities } from "../../backend/capabilities.ts";
import { defaults, type Envelope } from "../../envelope/index.ts";
import { WaybillError } from "../../errors.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import { keepResultMsOf } from "../../job/result-options.ts";
import { wallMs } from "../../time/clock.ts";
import { afterConflict } from "../after-conflict.ts";
import type { BuiltFlow, NodeOptions } from "./flow-builder.ts";
import { placedMembers } from "./flow-graph.ts";
import { dueKey, headKey, jobKey, nextKey, openKey, WHOLE_FLOW } from "./flow-keys.ts";
import {
  dutyChange,
  DUTY_MS,
  firstCheck,
  type FlowHead,
  headChange,
  headOf,
  memberChange,
  MOST_INLINE,
  put,
} from "./flow-records.ts";
import { chunks, each, type FlowHost } from "./flow-store.ts";
import { start as startMember } from "./flow-ends.ts";

/** What `start` needs of its connection. */
export interface FlowStarter extends FlowHost {
  /** Returns the envelope that `enqueue` would store. Rejects as `enqueue` does. */
  readonly envelopeOf: (
    job: JobDefinition | string,
    payload: unknown,
    options: NodeOptions & { readonly id: string },
  ) => Promise<Envelope>;
  readonly capabilities: Capabilities;
}

const MOST_MEMBERS = 100_000;
/** A record of a ledger has 64 KiB at most. */
const MOST_JOB_BYTES = 60_000;
/** What a program that died while it stored has left is removed after this long. */
const ABANDONED_MS = 3_600_000;
/** Roots that are enqueued between two renewals of the duty to do so. */
const ROUND = 500;

/** Stores a flow, then enqueues its first members. A second call for the same flow does what is left. */
export async function startFlow(host: FlowStarter, flow: BuiltFlow): Promise<{ id: string; started: boolean }> {
  const { ledger } = host;
  const { id, name, keepMs } = flow;
  const placed = placedMembers(flow);
  if (placed.length === 0) throw invalid(`flow "${name}" has no members: add one before start`);
  if (placed.length > MOST_MEMBERS)
    throw invalid(`flow "${name}" has ${placed.length} members, and ${MOST_MEMBERS} are allowed: start several flows`);
  const changes: LedgerChange[] = [];
  const roots: [key: string, id: string][] = [];
  for (const { key, node, after, when, next } of placed) {
    const envelope = await host.envelopeOf(
      node.job,
      node.payload,
      memberOptions(node.options, node.handle.id, id, key),
    );
    const later = next.length === 0 ? [WHOLE_FLOW] : next;
    const isRoot = after.length === 0;
    if (isRoot) roots.push([key, envelope.id]);
    changes.push(
      memberChange(
        id,
        key,
        {
          ...labelOf(envelope),
          state: isRoot ? "enqueued" : "waiting",
          when,
          stops: node.stops,
          next: later.length > MOST_INLINE ? null : later,
          keepMs: typeof node.job === "string" ? null : keepResultMsOf(node.job),
        },
        "absent",
      ),
      // After the member: what is found under a member is removed with it.
      put(jobKey(envelope.id), jobText(envelope, host.capabilities)),
      ...(later.length > MOST_INLINE ? later.map((one) => put(nextKey(id, key, one))) : []),
      ...later.map((one) => put(openKey(id, one, key))),
    );
  }
  const digest = hash("sha256", JSON.stringify([name, changes.map(({ value, key }) => [key, value])]));
  const head: FlowHead = {
    name,
    state: "storing",
    digest,
    size: placed.length,
    startedAt: wallMs(),
    endedAt: null,
    keepMs,
  };
  let duty = await store(host, id, head, changes);
  if (duty === null) return { id, started: false };
  for (let from = 0; from < roots.length; from += ROUND) {
    try {
      if (from > 0) {
        const renewed = await ledger.commit([{ ...dutyChange(id, "starting", DUTY_MS), ifVersion: duty }]);
        if (renewed.ok) duty = renewed.versions[0] as number;
      }
      await each(roots.slice(from, from + ROUND), ([key, job]) => startMember(host, id, key, job));
    } catch {
      // The flow is stored: a worker goes on with it, as if this process had died.
      return { id, started: true };
    }
  }
  // Left alone where the flow has ended already: the duty is to remove it then.
  await ledger.commit([{ key: dueKey(id), ifVersion: duty, value: null }]).catch(() => undefined);
  return { id, started: true };
}

/** Returns the version of the duty to start it; null when the flow has been stored before. */
async function store(
  { ledger }: FlowHost,
  id: string,
  head: FlowHead,
  changes: readonly LedgerChange[],
): Promise<number | null> {
  for (let conflicts = 0; ; conflicts += 1) {
    if (conflicts > 0) await afterConflict(headKey(id), conflicts - 1);
    const created = await ledger.commit([headChange(id, head, "absent"), dutyChange(id, "storing", ABANDONED_MS)]);
    const found = created.ok ? null : headOf((await ledger.read([headKey(id)]))[0]);
    if (!created.ok && found === null) continue;
    if (found !== null && found.value.digest !== head.digest) {
      const remedy = "give another id, or start it with the same members";
      throw new WaybillError("ID_CONFLICT", `flow "${id}" was stored before with other members: ${remedy}`);
    }
    if (found !== null && found.value.state !== "storing") return null;
    for (const some of chunks(changes)) await storeNew(ledger, some);
    const version = created.ok ? (created.versions[0] as number) : (found?.version ?? 0);
    const running = headChange(id, { ...head, state: "running" }, version);
    const commit = await ledger.commit([running, dutyChange(id, "starting", DUTY_MS), firstCheck(id, head.size)]);
    if (commit.ok) return commit.versions[1] as number;
  }
}

/** Another process may store the same flow: what is there already has its state. */
async function storeNew(ledger: FlowHost["ledger"], changes: readonly LedgerChange[]): Promise<void> {
  let left = changes.map((change): LedgerChange => ({ ...change, ifVersion: "absent" }));
  while (left.length > 0) {
    const commit = await ledger.commit(left);
    if (commit.ok) return;
    const there = new Set(commit.conflicts);
    left = left.filter(({ key }) => !there.has(key));
  }
}

/** Returns the options of a member's enqueue, which mark it as one. */
export function memberOptions(
  options: NodeOptions,
  id: string,
  flow: string,
  member: string,
): NodeOptions & { readonly id: string } {
  return { ...options, id, meta: { ...options.meta, flow: { id: flow, member } } };
}

export const labelOf = ({
  id,
  type,
  queue = defaults.queue,
}: Envelope): { id: string; type: string; queue: string } => ({
  id,
  type,
  queue,
});

/** Returns the text of a job that is kept until it is enqueued. Throws for one that could never be. */
export function jobText(envelope: Envelope, capabilities: Capabilities): string {
  const unmet = unmetNeed(envelope, capabilities);
  if (unmet !== null)
    throw new WaybillError("CAPABILITY_MISSING", `"${envelope.type}" cannot be in the flow: ${unmet}`);
  const text = JSON.stringify(envelope);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MOST_JOB_BYTES) return text;
  const remedy = "keep what is large elsewhere, and pass its id";
  throw invalid(`"${envelope.type}" has ${bytes} bytes, and a member of a flow may have ${MOST_JOB_BYTES}: ${remedy}`);
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
