import type { Signature } from "@waybill/core";
import { countOf, type Lease, member, type Message, momentOf, type StoredJob } from "@waybill/core/backend";
import type { DescribedJob } from "../scripts/describe-jobs.ts";
import type { NewJob } from "../scripts/enqueue-jobs.ts";
import type { LeasedJob } from "../scripts/lease-jobs.ts";
import { deadReasonOf } from "./dead-reason.ts";

/** BullMQ runs 1 first and jobs without a priority before all others; ours run 100 to −100. Every job has one. */
const FIRST = 101;

/** The content of a BullMQ job's `data`. The envelope is a string in it: an object would be serialised anew. */
interface Data {
  readonly envelope: string;
  readonly tenant?: string;
  readonly signature?: Signature;
  /** Unix milliseconds; absent: the job has no delay. */
  readonly dueAt?: number;
  /** Absent: 0. */
  readonly releases?: number;
}

/** Makes BullMQ's job of a message. `now` is Unix milliseconds. */
export function jobOf(message: Message, now: number): NewJob {
  const delay = Math.ceil(message.delayMs);
  const data = storedText(message, delay > 0 ? now + delay : null, 0);
  const priority = FIRST - message.priority;
  return { id: message.id, name: message.type, data, priority, delay, ...uniqueOf(message) };
}

function uniqueOf({ type, unique }: Message): Pick<NewJob, "unique" | "onConflict"> {
  if (unique === undefined) return { unique: "", onConflict: "" };
  const term = typeof unique.until === "number" ? Math.ceil(unique.until) : unique.until;
  return { unique: `${term} ${type} ${unique.key}`, onConflict: unique.onConflict };
}

type Content = Pick<Message, "body" | "tenant" | "signature">;

/** Serialises `data`. `dueAt` is Unix milliseconds; null: without a delay. */
export function storedText({ body, tenant, signature }: Content, dueAt: number | null, releases: number): string {
  const data: Data = {
    envelope: body,
    ...(tenant === null ? {} : { tenant }),
    ...(signature === null ? {} : { signature }),
    ...(dueAt === null ? {} : { dueAt }),
    ...(releases === 0 ? {} : { releases }),
  };
  return JSON.stringify(data);
}

/** Makes what job control shows of a job. */
export function describedJob(job: DescribedJob, queue: string): StoredJob {
  const [id, type, state, ms, data, priority, failures, timestamp, failedReason, error] = job;
  const { envelope, tenant } = contentOf(data ?? "{}");
  const isDead = state === "dead";
  return {
    id,
    type,
    queue,
    state,
    tenant: tenant ?? null,
    priority: priorityOf(countOf(priority, 0)),
    // BullMQ has counted the attempt in which it died.
    attempt: countOf(failures, 0) + (isDead ? 0 : 1),
    enqueuedAt: momentOf(timestamp),
    dueAt: ms > 0 ? Date.now() + ms : null,
    reason: isDead ? deadReasonOf(failedReason ?? "", error) : null,
    body: envelope,
  };
}

/** The lock of a leased job, with its unique key if it has one: an ack releases that too. */
export type Token = string | { readonly lock: string; readonly unique: string };

/** Makes a lease of a job. What another program wrote into the hash is read as waybill's defaults. */
export function leaseOf(job: LeasedJob, queue: string, lock: string, expiresAt: number): Lease {
  const [id, type, data, priority, failures, lost, unique] = job;
  const { envelope, tenant, signature, dueAt, releases } = contentOf(data);
  return {
    id,
    type,
    queue,
    priority: priorityOf(countOf(priority, 0)),
    tenant: tenant ?? null,
    signature: signature ?? null,
    body: envelope,
    attempt: countOf(failures, 0) + 1,
    lost: countOf(lost, 0),
    releases: releases ?? 0,
    dueAt: dueAt ?? null,
    expiresAt,
    token: unique === undefined ? lock : ({ lock, unique } satisfies Token),
  };
}

/** Returns the lock of a lease and its unique key, "" for none. No lock has the value that stands for a token of another backend. */
export function tokenOf({ token }: Lease): { readonly lock: string; readonly unique: string } {
  if (typeof token === "string") return { lock: token, unique: "" };
  const [lock, unique] = [member(token, "lock"), member(token, "unique")];
  if (typeof lock === "string" && typeof unique === "string") return { lock, unique };
  return { lock: "not a token of this backend", unique: "" };
}

/** Parses `data`. The data of a job that another program added is the envelope as it is: core refuses and dead-letters it. */
export function contentOf(data: string): Data {
  if (!data.startsWith('{"envelope":"')) return { envelope: data };
  try {
    const value: unknown = JSON.parse(data);
    return isData(value) ? value : { envelope: data };
  } catch {
    return { envelope: data };
  }
}

/** The `data` of other programs may have members of the same names: one with another type makes all of it theirs. */
function isData(value: unknown): value is Data {
  if (typeof value !== "object" || value === null) return false;
  const { envelope, tenant, signature, dueAt, releases } = value as { readonly [Name in keyof Data]: unknown };
  return (
    typeof envelope === "string" &&
    (tenant === undefined || typeof tenant === "string") &&
    (signature === undefined || isSignature(signature)) &&
    (dueAt === undefined || (typeof dueAt === "number" && momentOf(dueAt) !== null)) &&
    (releases === undefined || isCount(releases))
  );
}

function isSignature(value: unknown): value is Signature {
  if (typeof value !== "object" || value === null) return false;
  const { timestamp, value: text } = value as { readonly [Name in keyof Signature]: unknown };
  return isCount(timestamp) && typeof text === "string";
}

const isCount = (value: unknown): boolean => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

const priorityOf = (native: number): number => (native <= 0 ? 0 : Math.max(FIRST - native, -100));
