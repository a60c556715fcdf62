import { wallMs } from "../time/clock.ts";
import type { Lease, Message } from "../backend/contract.ts";
import type { Capabilities } from "../backend/capabilities.ts";
import type { Timed } from "./heap.ts";

/** One message and its history. It is in one of these: a lane, the delayed heap, the leased heap, the dead letters. */
export interface Stored extends Timed {
  readonly message: Message;
  /** Order of arrival. */
  readonly seq: number;
  /** Unix milliseconds. */
  readonly enqueuedAt: number;
  /** On the monotonic clock: ready since, delayed until or leased until. */
  at: number;
  slot: number;
  /** Its neighbours in its lane: the message behind it, and the one before it. */
  next: Stored | null;
  prev: Stored | null;
  attempt: number;
  lost: number;
  releases: number;
  /** True from its enqueue or its replay until it is first leased or removed. */
  isUntouched: boolean;
  /** When the delay ends, on the monotonic clock; null for no delay. */
  due: number | null;
  /** The lease's token, and its connection; 0 and null when the message is not leased. */
  token: number;
  owner: object | null;
  /** When the lease began, for `maxLeaseMs`. */
  leasedAt: number;
}

export function storedOf(message: Message, seq: number): Stored {
  return {
    message,
    seq,
    enqueuedAt: wallMs(),
    at: 0,
    slot: -1,
    next: null,
    prev: null,
    attempt: 1,
    lost: 0,
    releases: 0,
    isUntouched: true,
    due: null,
    token: 0,
    owner: null,
    leasedAt: 0,
  };
}

/** Makes the lease that a caller gets. Its times are of the wall clock; what decides is the monotonic clock. */
export function leaseOf(stored: Stored, has: Capabilities, now: number): Lease {
  const { message } = stored;
  const wall = wallMs();
  return {
    id: message.id,
    type: message.type,
    queue: message.queue,
    priority: message.priority,
    tenant: message.tenant,
    signature: message.signature,
    body: message.body,
    attempt: stored.attempt,
    lost: has.countsLost ? stored.lost : 0,
    releases: has.countsReleases ? stored.releases : 0,
    dueAt: stored.due === null ? null : Math.floor(wall - (now - stored.due)),
    expiresAt: stored.at === Infinity ? null : Math.floor(wall + (stored.at - now)),
    token: stored.token,
  };
}
