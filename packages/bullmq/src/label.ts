import type { Signature } from "@waybill/core";
import { countOf, type Lease, type Message, momentOf } from "@waybill/core/backend";
import type { TakenJob } from "./batches.ts";

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

/** A job as it goes into BullMQ: type is its name, the envelope's id its id. */
export interface StoredJob {
  readonly id: string;
  readonly name: string;
  readonly data: string;
  readonly priority: number;
  /** Milliseconds, whole. */
  readonly delay: number;
}

/** `now` is Unix ms. */
export function jobOf(message: Message, now: number): StoredJob {
  const delay = Math.ceil(message.delayMs);
  const data = storedText(message, delay > 0 ? now + delay : null, 0);
  return { id: message.id, name: message.type, data, priority: FIRST - message.priority, delay };
}

type Content = Pick<Message, "body" | "tenant" | "signature">;

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

export function leaseOf(job: TakenJob, queue: string, token: string, expiresAt: number): Lease {
  const [id, type, data, priority, failures, lost] = job;
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
    token,
  };
}

/** The envelope in `data`. What somebody else put into the queue is passed on as it is: core refuses it and keeps it. */
export function contentOf(data: string): Data {
  if (!data.startsWith('{"envelope":"')) return { envelope: data };
  try {
    const value: unknown = JSON.parse(data);
    return isData(value) ? value : { envelope: data };
  } catch {
    return { envelope: data };
  }
}

/** Somebody else's `data` may have members of the same names: then none of them is taken for ours. */
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
