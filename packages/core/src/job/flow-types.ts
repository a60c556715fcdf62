import type { JsonValue } from "../envelope/index.ts";
import type { Duration } from "../time/duration.ts";
import type { JobReference } from "./job-reference.ts";
import type { OptionalPayload } from "./json-input.ts";
import type { RetryOptions } from "./retry-options.ts";
import type { StandardSchema } from "./standard-schema.ts";
import type { UniqueRule } from "./unique-options.ts";

/** "completed": the member runs once all of these jobs have completed. "ended": once all have ended, however they did. */
export type FlowWhen = "completed" | "ended";

/**
 * What the death of a member does to its flow. "continue": nothing, but its dependents with `when: "completed"` never run. "stop": no
 * member that has not started runs any more, but those with `when: "ended"`.
 */
export type FlowOnDead = "continue" | "stop";

/** "waiting": for other members. "enqueued": its queue has it, or a worker. "dependency_dead": it never ran, since a job before it has not completed. */
export type FlowMemberState = "waiting" | "enqueued" | "completed" | "dead" | "dependency_dead" | "cancelled";

/** Options of a member that depend on other members. */
export interface FlowOrder {
  /** The members that must end first: what `add` returned. Omitted or empty: none. */
  readonly after?: FlowMember | readonly FlowMember[] | undefined;
  /** Default "completed". */
  readonly when?: FlowWhen | undefined;
}

/** Options of a member: those of `enqueue`, but for its id, `unique`, and times that count from the enqueue. */
export interface FlowMemberOptions extends FlowOrder {
  /** The job starts no sooner than this time. */
  readonly runAt?: Date | undefined;
  /** A job that has not started by this time is dead-lettered. */
  readonly expiresAt?: Date | undefined;
  /** Default: the definition's queue. */
  readonly queue?: string | undefined;
  /** −100 to 100; jobs of a higher priority run first. Default 0. */
  readonly priority?: number | undefined;
  /** The tenant that the job belongs to. Omitted: none. */
  readonly tenant?: string | undefined;
  /** Stored in the envelope beside the payload. */
  readonly meta?: { readonly [key: string]: JsonValue } | undefined;
  /** Its members come before those of the worker's definition. */
  readonly retry?: RetryOptions<string> | undefined;
  /** Longest run of one attempt. Default: the definition's. */
  readonly timeout?: Duration | undefined;
  /** Default: that of the flow. */
  readonly onDead?: FlowOnDead | undefined;
}

/** A member of a flow, for `after` and for `jobs.result`. */
export interface FlowMember<Result = unknown> extends JobReference<Result> {
  /** The id of its job. */
  readonly id: string;
  /** The id of the flow that it was added to. */
  readonly flow: string;
}

/** A definition, as far as a member's types need it. */
export interface MemberJob<Input, Result> {
  readonly type: string;
  readonly schema: StandardSchema<Input, unknown> | null;
  readonly unique: UniqueRule<Input> | null;
  readonly handler: Handling<Result>["handle"] | null;
}

/** As a method, whose type does not depend on what it is called with. */
interface Handling<Result> {
  handle(payload: never, job: never): Promise<Result> | Result;
}

/** Adds one member. */
export interface AddMember<Return> {
  <Input = unknown, Result = unknown>(
    job: MemberJob<Input, Result> | string,
    payload: NoInfer<Input>,
    options?: FlowMemberOptions,
  ): Return extends "later" ? FlowMember<Result> : Promise<FlowMember<Result>>;
  <Input, Result>(
    job: MemberJob<Input, Result> & OptionalPayload<Input>,
  ): Return extends "later" ? FlowMember<Result> : Promise<FlowMember<Result>>;
}

/** How a member ended that this job comes after. */
export interface FlowResult {
  readonly id: string;
  readonly type: string;
  readonly state: FlowMemberState;
  /** What its handler returned; null without `result` in its definition, and where it has not completed. */
  readonly result: JsonValue;
  /** Why it has not completed; null when it has. */
  readonly reason: { readonly code: string; readonly message: string } | null;
}

/** The flow of the job that a handler runs. */
export interface FlowOfJob {
  /** The id of the flow. */
  readonly id: string;
  /**
   * Adds a member while the flow runs. It starts at once, or after the members of its `after`, which this handler has added. What comes
   * after this job comes after the new one as well. Its id is derived from its place among the calls of this handler: a handler
   * that runs again must add the same members in the same order, and each is then one job. Rejects as `start` does.
   */
  readonly add: AddMember<"now">;
}

/** What the handler of a member can do with its flow. */
export interface FlowRun extends FlowOfJob {
  results(): Promise<FlowResult[]>;
}
