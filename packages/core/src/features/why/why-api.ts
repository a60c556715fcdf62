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
  CANCEL_RECORDED: { readonly at: number };
  /** The broker lets no one look into its queues, and no worker reports the job. */
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
