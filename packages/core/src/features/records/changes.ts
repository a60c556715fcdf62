import type { Lease } from "../../backend/contract.ts";
import type { RecordChange, RecordState } from "../../backend/record-store.ts";
import { type Envelope, parseTimestamp } from "../../envelope/index.ts";
import type { OutcomeEvent } from "../../observability/events.ts";
import { cut } from "./cut.ts";
import { type AttemptOutcome, attemptItem } from "./job-record.ts";
import { dueItem, NO_ITEMS } from "./record-facts.ts";

/** The clocks of two hosts may differ by this much: a state that began so much later belongs to another life of the job. */
const SKEW_MS = 60_000;
const LONGEST_TEXT = 8_192;
const LONGEST_STATE_TEXT = 2_000;

interface KnownJob {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly tenant?: string | null;
}

/** Returns the change of a job of which only the label is known: it waits. */
export function unknownJob({ id, type, queue, tenant = null }: KnownJob, at: number): RecordChange {
  return {
    id,
    type,
    queue,
    tenant,
    enqueuedAt: at,
    payload: null,
    state: "waiting",
    code: null,
    message: null,
    at,
    startedAt: null,
    endedAt: null,
    items: NO_ITEMS,
    rank: 0,
    replaces: at - SKEW_MS,
  };
}

export interface StartedRun {
  readonly job: KnownJob;
  readonly enqueuedAt: number;
  readonly attempt: number;
  /** Names the run among those of its job, the same in every write. */
  readonly run: string;
  readonly at: number;
}

/** What a run has reported, as its end needs it. */
export interface EndedRun {
  readonly startedAt: number;
  readonly task: string | undefined;
  /** Removes redacted values from a text. */
  readonly hide: (text: string) => string;
  /** What is known of the job, and what the run reported since the last write. */
  readonly reported: () => RecordChange;
}

/** What is known of a run that starts. A store that counts neither releases nor lost workers keeps the last run of an attempt. */
export function startedChange(lease: Lease, envelope: Envelope, at: number): StartedRun {
  const { id, type, queue, tenant, attempt } = lease;
  const madeAt = envelope.created_at === undefined ? null : parseTimestamp(envelope.created_at);
  return { job: { id, type, queue, tenant }, enqueuedAt: madeAt ?? at, attempt, run: runOf(lease), at };
}

/** A job that is released without end adds at most 16 runs to its record for each attempt. */
const runOf = ({ attempt, lost, releases }: Pick<Lease, "attempt" | "lost" | "releases">): string =>
  `${attempt}.${(lost + releases) % 16}`;

/** Of the states of one attempt, an end is the last. */
export const rankOf = (attempt: number, isEnd: boolean): number => attempt * 2 + (isEnd ? 1 : 0);

/** Returns the change of a run whose outcome is stored. `run`: null where the handler was not called by this process. */
export function endedChange(event: OutcomeEvent, run: EndedRun | null, at: number): RecordChange {
  const { attempt, worker, durationMs, reason, error, delayMs } = event;
  const [state, outcome] = endOf(event);
  const isEnd = state !== "retrying" && state !== "waiting";
  const hide = run?.hide ?? ((text: string) => text);
  const startedAt = run?.startedAt ?? null;
  const base = run?.reported() ?? unknownJob(event, at);
  const message = reason === undefined ? null : cut(hide(reason.message), LONGEST_TEXT);
  const stack = error?.stack === undefined ? null : cut(hide(String(error.stack)), LONGEST_TEXT);
  const code = reason === undefined ? null : cut(reason.code, 256);
  const item = {
    attempt,
    worker,
    task: run?.task,
    startedAt: startedAt ?? at,
    durationMs,
    outcome,
    code,
    message,
    stack,
  };
  // A job that ended before its handler was called had no run.
  let items = run === null ? base.items : withItem(base.items, attemptItem(runOf(event)), JSON.stringify(item));
  if (delayMs !== undefined) items = { ...items, ...dueItem({ at, until: at + delayMs, worker, attempt }) };
  return {
    id: base.id,
    type: base.type,
    queue: base.queue,
    tenant: base.tenant,
    enqueuedAt: base.enqueuedAt,
    payload: base.payload,
    state,
    code,
    message: message && cut(message, LONGEST_STATE_TEXT),
    at,
    startedAt,
    endedAt: isEnd ? at : null,
    items,
    rank: rankOf(attempt, isEnd),
    replaces: isEnd ? at : at - SKEW_MS,
  };
}

function withItem(items: RecordChange["items"], name: string, value: string): RecordChange["items"] {
  return items === NO_ITEMS ? { [name]: value } : { ...items, [name]: value };
}

function endOf({ outcome, kept, reason }: OutcomeEvent): [RecordState, AttemptOutcome] {
  if (outcome === "completed") return ["completed", "completed"];
  if (outcome === "retry") return ["retrying", "retried"];
  if (outcome === "release") return ["waiting", "released"];
  if (reason?.code === "CANCELLED") return ["cancelled", "cancelled"];
  return kept === false ? ["discarded", "discarded"] : ["dead", "dead"];
}
