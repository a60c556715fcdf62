import type { IdParts } from "../../envelope/index.ts";
import type { MayBeLeftOut } from "../../job/json-input.ts";
import type {
  AddMember,
  FlowMember,
  FlowMemberOptions,
  FlowMemberState,
  FlowOnDead,
  FlowOrder,
  FlowWhen,
  MemberJob,
} from "../../job/flow-types.ts";
import type { Duration } from "../../time/duration.ts";

/** "stopped": a member with `onDead: "stop"` has died, and others still run. "failed": all have ended, and one has not completed. */
export type FlowState = "running" | "stopped" | "completed" | "failed" | "cancelled";

/** Options of `jobs.flow`. */
export interface FlowOptions {
  /** Default "continue". */
  readonly onDead?: FlowOnDead | undefined;
  /** A UUID in lower case, or the parts to derive one from: `start` of the same flow twice is then one flow. Default: a new id. */
  readonly id?: string | IdParts | undefined;
  /** How long the flow is kept after its end, for `flows.get`, replays and results. More than 0, at most "366d". Default "7d". */
  readonly keep?: Duration | undefined;
}

/** A graph of jobs that is being built. Nothing is stored before `start`. */
export interface Flow {
  readonly id: string;
  readonly name: string;
  /**
   * Adds a job. Throws `CONFIG_INVALID` for a definition that is `unique`, an option that a member cannot have, and `after` of
   * another flow.
   */
  readonly add: AddMember<"later">;
  /**
   * Adds all members of another flow, which is then not started by itself. Its first members wait for `after`; a member after it waits
   * for all of its last ones. Throws `CONFIG_INVALID` for a flow that is in a flow already.
   */
  addFlow(flow: Flow, options?: FlowOrder): FlowMember;
  /**
   * Stores the flow, then enqueues the members that wait for nothing. Resolves once it is stored: if this process dies while it
   * enqueues, a worker goes on. `started` is false when a flow of this id was stored before. Rejects `CAPABILITY_MISSING` without a
   * ledger, `CONFIG_INVALID` for an empty flow, more than 100,000 members or a job of more than 60,000 bytes, `ID_CONFLICT` for another flow of this id, and as
   * `enqueue` does for a payload.
   */
  start(): Promise<{ readonly id: string; readonly started: boolean }>;
}

/** One member, as `flows.get` shows it. */
export interface StoredFlowMember {
  /** The id of its job. */
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: FlowMemberState;
  readonly when: FlowWhen;
  /** The ids of the members that it comes after. */
  readonly after: readonly string[];
  /** Why it has not completed; null when it has, or has not ended. */
  readonly reason: { readonly code: string; readonly message: string } | null;
}

/** A flow without its members. Times are Unix milliseconds. */
export interface FlowSummary {
  readonly id: string;
  readonly name: string;
  readonly state: FlowState;
  /** Members that were there at its start. */
  readonly size: number;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** Unix milliseconds. Null while it runs. */
  readonly endedAt: number | null;
}

/** A flow with its members, in the order in which they were added. */
export interface StoredFlow extends FlowSummary {
  readonly members: readonly StoredFlowMember[];
}

/** One page of flows, the newest first. */
export interface FlowPage {
  readonly flows: readonly FlowSummary[];
  /** Pass it as `after` for the next page; null when this is the last. */
  readonly next: string | null;
}

/** Reads and cancels flows. Each call rejects `CAPABILITY_MISSING` without a ledger. */
export interface FlowCalls {
  /** Returns a flow with its members; null when there is none, or it is no longer kept. */
  get(id: string): Promise<StoredFlow | null>;
  /** Lists flows, the newest first. `limit` is 1 to 1,000, default 100. */
  list(query?: { readonly limit?: number | undefined; readonly after?: string | undefined }): Promise<FlowPage>;
  /**
   * Stops what has not started, in its queue as well; what runs ends. Returns false when there is no such flow, or it has ended.
   */
  cancel(id: string): Promise<boolean>;
}

/** One job of a batch. Its payload may be omitted where the definition's schema allows `undefined`. */
export type BatchItem<Input = unknown> = ItemJob<Input> &
  (MayBeLeftOut<Input> extends true ? { readonly payload?: NoInfer<Input> } : { readonly payload: NoInfer<Input> });

interface ItemJob<Input> {
  /** A definition, or the name of a type, whose payload is not checked. */
  readonly job: MemberJob<Input, unknown> | string;
  /** Options of this job. Omitted: those of the definition. */
  readonly options?: Omit<FlowMemberOptions, keyof FlowOrder> | undefined;
}

/** The last job of a batch, which runs once all others have ended. */
export type BatchEnd<Input = unknown> = BatchItem<Input> & {
  /** Default "completed". */
  readonly when?: FlowWhen | undefined;
};

/** The calls of a connection that build and read flows. */
export interface FlowApi {
  /** Begins a graph of jobs. `name` is shown by `flows.list`. Throws `CONFIG_INVALID` for invalid options. */
  flow(name: string, options?: FlowOptions): Flow;
  readonly flows: FlowCalls;
  /** Starts a flow of all items at once, and `then` after them. Rejects as `start` does. */
  batch<Inputs extends readonly unknown[], Last>(
    items: readonly [...{ [At in keyof Inputs]: BatchItem<Inputs[At]> }],
    then: BatchEnd<Last>,
    options?: FlowOptions & { readonly name?: string | undefined },
  ): Promise<{ readonly id: string; readonly started: boolean }>;
}
