import type { Lease, Message, Signature } from "@waybill/core";
import type { JobJson } from "bullmq";

/** BullMQ runs 1 first and jobs without a priority before all others; ours run 100 to −100. Every job has one. */
const FIRST = 101;

/** What we keep in a BullMQ job's `data`. The envelope is a string there: as an object it would be written anew. */
interface Data {
  readonly envelope: string;
  readonly tenant?: string;
  readonly signature?: Signature;
  /** Unix milliseconds; absent: nobody asked for a delay. */
  readonly dueAt?: number;
  /** Absent: 0. */
  readonly releases?: number;
}

/** The job as BullMQ's scripts take it: type is its name, the envelope's id its id. `now` is Unix ms. */
export function jobOf(message: Message, now: number): JobJson {
  const delay = Math.ceil(message.delayMs);
  const dueAt = delay > 0 ? now + delay : null;
  const priority = FIRST - message.priority;
  return {
    id: message.id,
    name: message.type,
    data: dataOf(message, dueAt, 0),
    opts: delay > 0 ? { priority, delay } : { priority },
    timestamp: now,
    delay,
    priority,
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    stalledCounter: 0,
    failedReason: "",
    returnvalue: "",
  };
}

type Content = Pick<Message, "body" | "tenant" | "signature">;

export function dataOf({ body, tenant, signature }: Content, dueAt: number | null, releases: number): string {
  const data: Data = {
    envelope: body,
    ...(tenant === null ? {} : { tenant }),
    ...(signature === null ? {} : { signature }),
    ...(dueAt === null ? {} : { dueAt }),
    ...(releases === 0 ? {} : { releases }),
  };
  return JSON.stringify(data);
}

export function leaseOf(job: JobJson, queue: string, token: string, expiresAt: number): Lease {
  const { envelope, tenant, signature, dueAt, releases } = contentOf(job.data);
  return {
    id: job.id,
    type: job.name,
    queue,
    priority: priorityOf(job.priority),
    tenant: tenant ?? null,
    signature: signature ?? null,
    body: envelope,
    attempt: job.attemptsMade + 1,
    lost: job.stalledCounter,
    releases: releases ?? 0,
    dueAt: dueAt ?? null,
    expiresAt,
    token,
  };
}

/** The envelope in `data`. What somebody else put into the queue is passed on as it is: core refuses it and keeps it. */
export function contentOf(data: string): Data {
  if (!data.startsWith('{"envelope":"')) return { envelope: data };
  try {
    return JSON.parse(data) as Data;
  } catch {
    return { envelope: data };
  }
}

const priorityOf = (native: number | undefined): number =>
  native === undefined || native <= 0 ? 0 : Math.max(FIRST - native, -100);
