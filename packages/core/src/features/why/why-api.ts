import type { FlowMemberState, FlowWhen } from "../../job/flow-types.ts";
import type { Pause } from "../control/control-records.ts";

/** The job that a `Why` is about, as far as it is known. */
interface OfJob {
  readonly type: string;
  readonly queue: string;
}

/** A job that has a slot, and the worker that runs it. */
export interface SlotJob {
  readonly id: string;
  /** Null: no live worker has reported it. */
  readonly worker: string | null;
  /** When that worker got it, in Unix milliseconds; null where no worker has reported it. */
  readonly since: number | null;
}

/** An error or a release, by its code and one sentence. */
export interface Said {
  readonly code: string;
  readonly message: string;
}

/** Another member of the flow. */
export interface FlowJob {
  readonly id: string;
  readonly type: string;
  readonly state: FlowMemberState;
  /** Why it has not completed; null when it has, or has not ended. */
  readonly code: string | null;
}

interface OfFlow extends OfJob {
  /** The id of the flow. */
  readonly flow: string;
  readonly name: string;
}

/** The end of a job. Each is null where it is not kept. */
export interface Ended extends OfJob {
  readonly endedAt: number | null;
  /** The id of the worker that ran it last; null also for one that never ran. */
  readonly worker: string | null;
  readonly attempt: number | null;
}

/** The facts of each code. Times are Unix milliseconds. */
export interface WhyFacts {
  /** It is ready, and the next to be leased. */
  READY_NEXT: OfJob & { readonly workers: number };
  /** It is ready, and others of its queue are leased before it. */
  READY_BEHIND: OfJob & {
    /** Counted to 10,000 at most. */
    readonly ahead: number;
    /** Those of them with a higher priority. */
    readonly higher: number;
    readonly workers: number;
  };
  /** It is ready. The broker does not say how many are before it. Only where its record is read in place of its queue. */
  READY: OfJob & { readonly workers: number };
  /** It is ready, and every worker of its queue runs as many jobs as it may. */
  WORKERS_BUSY: OfJob & { readonly workers: readonly string[]; readonly running: number; readonly slots: number };
  /** No live worker leases from its queue. */
  NO_WORKER: OfJob & {
    /** Live workers of other queues. */
    readonly otherWorkers: number;
  };
  /** Live workers lease from its queue, and none has a handler for its type. */
  TYPE_UNKNOWN: OfJob & { readonly workers: readonly string[] };
  /** Live workers know its type at lower payload versions only. */
  VERSION_UNKNOWN: OfJob & { readonly version: number; readonly known: number; readonly workers: readonly string[] };
  QUEUE_PAUSED: OfJob & { readonly since: number };
  TYPE_PAUSED: OfJob & { readonly since: number };
  /** It was enqueued or rescheduled for a later time. */
  DELAYED: OfJob & { readonly until: number };
  /** Its last attempt failed, and the next one is due later. */
  RETRY_WAITING: OfJob & {
    readonly until: number;
    /** The number of the attempt that it waits for. */
    readonly attempt: number;
    /** Null where neither the envelope nor a definition of this connection says. */
    readonly maxAttempts: number | null;
    /** Null: no worker reports it any more. */
    readonly error: Said | null;
    readonly worker: string | null;
  };
  /** A worker released it, which spent no attempt. */
  RELEASED: OfJob & {
    readonly until: number;
    readonly reason: Said;
    readonly worker: string | null;
    readonly at: number | null;
  };
  /** One of its concurrency keys is full. */
  KEY_FULL: OfJob & { readonly limit: string; readonly key: string; readonly jobs: readonly SlotJob[] };
  /** As many jobs of its queue run as the limit of the queue allows. */
  QUEUE_FULL: OfJob & { readonly concurrency: number; readonly leased: number; readonly jobs: readonly SlotJob[] };
  /** The rate of a limit is used up. */
  RATE_LIMITED: OfJob & { readonly turnAt: number; readonly message: string; readonly worker: string | null };
  /** A worker has it. */
  LEASED: OfJob & {
    /** Null: no worker has reported it yet. */
    readonly worker: string | null;
    readonly host: string | null;
    readonly since: number | null;
    /** When its lease ends unless it is extended; null where the lease lasts as long as the connection or is unknown. */
    readonly until: number | null;
    readonly attempt: number;
    /** False: it waits in the worker for a slot. Null: unknown. */
    readonly running: boolean | null;
  };
  /** Its worker is gone. It is delivered again when the lease ends. */
  WORKER_GONE: OfJob & { readonly until: number | null; readonly attempt: number };
  /** It runs, and was cancelled: its worker is to abort it. */
  CANCEL_REQUESTED: OfJob & {
    readonly at: number;
    readonly worker: string | null;
    /** The process that cancelled it; null where an older release did. */
    readonly by: string | null;
  };
  /** A member of a flow waits for others. */
  FLOW_WAITING: OfFlow & {
    readonly when: FlowWhen;
    /** How many it waits for. Counted to 10,000 at most. */
    readonly count: number;
    /** The first 5 of them. */
    readonly jobs: readonly FlowJob[];
  };
  /** Its flow is not stored as a whole, so none of its members runs. */
  FLOW_STORING: OfFlow;
  /** A member is to be enqueued next: a worker goes on if the process that does it has died. */
  FLOW_CONTINUES: OfFlow & {
    /** "start": the program that started the flow. "member": the worker that ended the last member before it. */
    readonly by: "start" | "member";
  };
  /** Its flow was cancelled. */
  FLOW_CANCELLED: OfFlow;
  /** It never runs, since other members of its flow have not completed. A replay of those resumes the flow. */
  DEPENDENCY_DEAD: OfFlow & {
    /** Those that have ended by themselves, at most 5. */
    readonly because: readonly FlowJob[];
  };
  /** It is a dead letter. */
  DEAD: OfJob & {
    readonly reason: Said;
    readonly attempt: number;
    readonly diedAt: number | null;
    /** The command that runs it again. */
    readonly replay: string;
  };
  /** It is a dead letter whose record cannot become a job again: another program changed it. */
  DAMAGED: OfJob & { readonly reason: Said; readonly damage: string; readonly diedAt: number | null };
  /** It has arrived in an inbox, and no connection has judged it yet. */
  IN_INBOX: { readonly since: number | null };
  /** Its time is over: it is dead-lettered when it is next leased. */
  EXPIRED: OfJob & {
    readonly at: number;
    /** "expires_at" of the envelope, or the `deadline` of its definition. */
    readonly by: "expires_at" | "deadline";
  };
  /** It has completed, as its record or its flow says. */
  COMPLETED: Ended & { readonly durationMs: number | null };
  /** It ended without success and was not kept, as its record or its flow says. */
  DISCARDED: Ended & { readonly reason: Said };
  /** It was cancelled, as its record or its flow says. `worker` is null where it never ran. */
  CANCELLED: Ended & {
    /** The process that cancelled it; null where that is not kept. */
    readonly by: string | null;
  };
  /** It died, as its record or its flow says, and its dead letter is gone. */
  DROPPED: Ended & {
    readonly reason: Said;
    /** The process that dropped it; null where that is not kept. `endedAt` is then when it died. */
    readonly by: string | null;
  };
  /** It is gone from the store, and its record does not have its end. */
  END_UNKNOWN: OfJob & {
    /** As its record has it last, and since when. */
    readonly state: "waiting" | "running" | "retrying";
    readonly at: number;
  };
  /** It was made before the time from which on records are kept, and there is no other trace of it. */
  RECORD_EXPIRED: {
    readonly madeAt: number;
    readonly keptSince: number;
  };
  /** It has finished: it completed, or was discarded. */
  FINISHED: {
    /** Null where the time is not kept. */
    readonly endedAt: number | null;
    /** "store": finished jobs that the store keeps. "ids": `rememberIds`. */
    readonly from: "store" | "ids";
  };
  /** It was not stored: another job has its unique key. Only for a receipt. */
  DUPLICATE: { readonly original: string; readonly why: Why };
  /** It was cancelled, and the broker lets no one look whether it still waits. */
  CANCEL_RECORDED: {
    readonly at: number;
    /** The process that cancelled it; null where an older release did. */
    readonly by: string | null;
  };
  /** The broker lets no one look into its queues, no worker reports the job, and no record has it. */
  NOT_VISIBLE: {
    readonly backend: string;
    /** Null where workers are not listed. */
    readonly workers: readonly { readonly id: string; readonly queues: readonly string[] }[] | null;
    /** Null without a ledger. */
    readonly paused: readonly Pause[] | null;
  };
  /** There is no trace of it. */
  NEVER_SEEN: { readonly backend: string };
}

/** What `why` says, as a code. New ones may be added. */
export type WhyCode = keyof WhyFacts;

/** One reason why a job does not run, or what became of it. */
export interface WhyReason<Code extends WhyCode = WhyCode> {
  readonly code: Code;
  /** One paragraph of plain text, which may have names and messages that other programs wrote. */
  readonly text: string;
  /** What to do, one sentence or two. */
  readonly remedy: string;
  readonly facts: WhyFacts[Code];
}

/** Why a job does not run, where it is, or what became of it. A `switch` over `code` narrows `facts`. */
export type Why = {
  [Code in WhyCode]: WhyReason<Code> & {
    readonly id: string;
    /** What would keep it from running next, once the first reason is gone: a paused queue of a delayed job. */
    readonly also: readonly AnyReason[];
  };
}[WhyCode];

/** A reason of any code. */
export type AnyReason = { [Code in WhyCode]: WhyReason<Code> }[WhyCode];
