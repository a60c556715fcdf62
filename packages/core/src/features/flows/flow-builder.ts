import { derivedId, newId } from "../../envelope/index.ts";
import { WaybillError } from "../../errors.ts";
import { assertDefinition } from "../../job/check-definition.ts";
import { assertType } from "../../job/define-job.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../../known-options.ts";
import { durationMs } from "../../time/duration.ts";
import type {
  AddMember,
  FlowMember,
  FlowMemberOptions,
  FlowOnDead,
  FlowOrder,
  FlowWhen,
} from "../../job/flow-types.ts";
import type { Flow, FlowOptions } from "./flow-api.ts";
import { memberId, memberKey } from "./flow-keys.ts";

const FLOW_OPTIONS: OptionNames<FlowOptions> = { onDead: true, id: true, keep: true };
const FLOW_ORDER: OptionNames<FlowOrder> = { after: true, when: true };
const MEMBER_OPTIONS: OptionNames<FlowMemberOptions> = {
  ...FLOW_ORDER,
  onDead: true,
  runAt: true,
  expiresAt: true,
  queue: true,
  priority: true,
  tenant: true,
  meta: true,
  retry: true,
  timeout: true,
};

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const LONGEST_NAME = 200;
const LONGEST_KEPT_MS = 366 * 86_400_000;

/** The options of a member that are those of `enqueue`. */
export type NodeOptions = Omit<FlowMemberOptions, keyof FlowOrder | "onDead">;

/** A member whose options have been checked. */
export interface Node {
  readonly handle: FlowMember;
  readonly job: JobDefinition | string;
  readonly payload: unknown;
  /** Those of `enqueue`. */
  readonly options: NodeOptions;
  readonly after: readonly FlowMember[];
  readonly when: FlowWhen;
  readonly stops: boolean;
}

/** A flow that is built. */
export interface BuiltFlow {
  readonly id: string;
  readonly name: string;
  readonly keepMs: number;
  readonly items: readonly Item[];
}

/** A member, or a whole flow. */
export type Item =
  | Node
  | {
      readonly handle: FlowMember;
      readonly inner: BuiltFlow;
      readonly after: readonly FlowMember[];
      readonly when: FlowWhen;
    };

const builtOf = new WeakMap<Flow, BuiltFlow & { isTaken: boolean }>();

/** Begins a flow. `start` is called with what was built. Throws `CONFIG_INVALID` for invalid options. */
export function createFlow(
  name: string,
  options: FlowOptions,
  start: (flow: BuiltFlow) => Promise<{ id: string; started: boolean }>,
): Flow {
  if (typeof name !== "string" || name === "" || name.length > LONGEST_NAME)
    throw invalid(`the name of a flow is ${describeValue(name)}: pass a text of 1 to ${LONGEST_NAME} characters`);
  const of = `flow "${name}"`;
  assertKnownOptions(options, FLOW_OPTIONS, `the options of ${of}`);
  const { onDead = "continue", keep = "7d" } = options;
  assertOnDead(onDead, of);
  const keepMs = durationMs(keep, `keep of ${of}`);
  if (keepMs === 0 || keepMs > LONGEST_KEPT_MS)
    throw invalid(`keep of ${of} is ${keepMs} ms: more than 0 and at most "366d"`);
  const id = idOf(options.id, of);
  const items: Item[] = [];
  const handles = new Set<FlowMember>();
  const built = { id, name, keepMs, items, isTaken: false };

  function assertOpen(): void {
    if (built.isTaken) throw invalid(`${of} has been started, or is part of another flow: build a new one`);
  }

  function handleOf(): FlowMember {
    const handle: FlowMember = { id: memberId(id, memberKey(items.length)), flow: id };
    handles.add(handle);
    return handle;
  }

  const add = (job: JobDefinition | string, payload?: unknown, given: FlowMemberOptions = {}): FlowMember => {
    assertOpen();
    const checked = checkedMember(job, given, handles, of, onDead);
    const handle = handleOf();
    items.push({ handle, job, payload, ...checked });
    return handle;
  };

  const flow: Flow = {
    id,
    name,
    add: add as AddMember<"later">,
    addFlow(inner, order = {}) {
      assertOpen();
      const found = builtOf.get(inner);
      if (found === undefined)
        throw invalid(`addFlow of ${of} got ${describeValue(inner)}: pass what jobs.flow(…) returned`);
      if (inner === flow || found.isTaken)
        throw invalid(`flow "${found.name}" has been started, or is part of a flow: build a new one`);
      assertKnownOptions(order, FLOW_ORDER, `the options of addFlow of ${of}`);
      const after = afterOf(order.after, handles, of);
      const when = whenOf(order.when, of);
      found.isTaken = true;
      const handle = handleOf();
      items.push({ handle, inner: found, after, when });
      return handle;
    },
    start() {
      // A second call stores nothing new.
      if (!starting) assertOpen();
      built.isTaken = true;
      starting = true;
      return start(built);
    },
  };
  let starting = false;
  builtOf.set(flow, built);
  return flow;
}

/** Checks the options of one member. Throws `CONFIG_INVALID`. */
export function checkedMember(
  job: JobDefinition | string,
  given: FlowMemberOptions,
  members: ReadonlySet<FlowMember>,
  of: string,
  onDeadOfFlow: FlowOnDead,
): Pick<Node, "options" | "after" | "when" | "stops"> {
  if (typeof job === "string") assertType(job, `the type of a member of ${of}`);
  else assertDefinition(job, `the job of a member of ${of}`);
  const type = typeof job === "string" ? job : job.type;
  if (typeof job !== "string" && job.unique !== null)
    throw invalid(
      `"${type}" is unique, and a member of a flow cannot be: another job would have its key; define a job without \`unique\``,
    );
  assertKnownOptions(given, MEMBER_OPTIONS, `the options of "${type}" in ${of}`);
  const { after, when, onDead = onDeadOfFlow, ...options } = given;
  assertOnDead(onDead, `"${type}" in ${of}`);
  return {
    options,
    after: afterOf(after, members, `"${type}" in ${of}`),
    when: whenOf(when, `"${type}" in ${of}`),
    stops: onDead === "stop",
  };
}

function afterOf(after: FlowOrder["after"], members: ReadonlySet<FlowMember>, of: string): readonly FlowMember[] {
  if (after === undefined) return [];
  const list: readonly unknown[] = Array.isArray(after) ? after : [after];
  for (const one of list) {
    if (members.has(one as FlowMember)) continue;
    throw invalid(
      `after of ${of} is ${describeValue(one)}: pass what add of the same flow returned, or a list of those`,
    );
  }
  return [...new Set(list as readonly FlowMember[])];
}

function whenOf(when: FlowWhen | undefined, of: string): FlowWhen {
  if (when === undefined || when === "completed" || when === "ended") return when ?? "completed";
  throw invalid(`when of ${of} is ${describeValue(when)}: write "completed" or "ended"`);
}

function assertOnDead(onDead: FlowOnDead, of: string): void {
  if (onDead === "continue" || onDead === "stop") return;
  throw invalid(`onDead of ${of} is ${describeValue(onDead)}: write "continue" or "stop"`);
}

function idOf(id: FlowOptions["id"], of: string): string {
  if (id === undefined) return newId();
  if (typeof id === "string") {
    if (ID.test(id)) return id;
    throw invalid(
      `id of ${of} is ${describeValue(id)}: a UUID in lower case is needed; write [${describeValue(id)}] to derive one from it`,
    );
  }
  return derivedId(id);
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
