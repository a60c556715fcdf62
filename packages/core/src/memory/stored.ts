import { wallMs } from "../clock.ts";
import type { Lease, Message } from "../backend.ts";
import type { Capabilities } from "../capabilities.ts";
import type { Timed } from "./heap.ts";

/** One message and its history. It is in exactly one place: a lane, the delayed heap, the leased heap or the dead. */
export interface Stored extends Timed {
  readonly message: Message;
  /** Order of arrival. */
  readonly seq: number;
  /** On the monotonic clock: ready since, delayed until or leased until, by where it is. */
  at: number;
  slot: number;
  /** The message behind this one in its lane. */
  next: Stored | null;
  attempt: number;
  lost: number;
  releases: number;
  /** On the monotonic clock: the delay asked for ends here; null when none was asked. */
  due: number | null;
  /** The running delivery, and the connection it belongs to; 0 and null when not leased. */
  token: number;
  owner: object | null;
  /** Start of the running delivery, for `maxLeaseMs`. */
  leasedAt: number;
}

export function storedOf(message: Message, seq: number): Stored {
  return {
    message,
    seq,
    at: 0,
    slot: -1,
    next: null,
    attempt: 1,
    lost: 0,
    releases: 0,
    due: null,
    token: 0,
    owner: null,
    leasedAt: 0,
  };
}

/** The lease a caller sees. Times leave here on the wall clock as it stands now, so a clock set back strands nobody. */
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
