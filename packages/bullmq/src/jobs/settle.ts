import type { DeadReason, Result } from "@waybill/core";
import { errorText, type Lease, leaseLost, type RetryRequest, serialiseError } from "@waybill/core/backend";
import { settleError } from "../errors.ts";
import { jobRef, type QueueScripts, type Scripts } from "../scripts/scripts.ts";
import { ERROR_FIELD } from "../scripts/job-fields.ts";
import { storedText, tokenOf } from "./job-record.ts";
import type { Queues } from "./queues.ts";

/** Ends or extends leases. Redis compares the token with the value of the job's lock. */
export interface Settle {
  ack(leases: readonly Lease[]): Promise<Result<null>[]>;
  retry(lease: Lease, request: RetryRequest): Promise<void>;
  deadLetter(lease: Lease, reason: DeadReason): Promise<void>;
  extend(leases: readonly Lease[], leaseMs: number): Promise<Result<number | null>[]>;
}

const done: Result<null> = { ok: true, value: null };

/** `ackQueue` acks jobs of one queue; see `Queues`. */
export function createSettle(scripts: Scripts, address: string, ackQueue: Queues["ack"]): Settle {
  const failed = (
    { id }: Lease,
    thrown: unknown,
  ): { readonly ok: false; readonly error: ReturnType<typeof leaseLost> } => ({
    ok: false,
    error: settleError(thrown, id, address),
  });

  async function ack(queue: string, leases: readonly Lease[]): Promise<Result<null>[]> {
    try {
      const codes = await ackQueue(
        queue,
        leases.map((lease) => {
          const { lock, unique } = tokenOf(lease);
          return { id: lease.id, token: lock, unique };
        }),
      );
      return leases.map((lease, index) => (codes[index] === 0 ? done : failed(lease, codes[index])));
    } catch (thrown) {
      return leases.map((lease) => failed(lease, thrown));
    }
  }

  async function settle(lease: Lease, work: (bullmq: QueueScripts, token: string) => Promise<unknown>): Promise<void> {
    try {
      await work(scripts.of(lease.queue), tokenOf(lease).lock);
    } catch (thrown) {
      throw settleError(thrown, lease.id, address);
    }
  }

  async function extend(queue: string, leases: readonly Lease[], leaseMs: number): Promise<Result<number>[]> {
    const expiresAt = Date.now() + leaseMs;
    const ids = leases.map(({ id }) => id);
    const locks = leases.map((lease) => tokenOf(lease).lock);
    try {
      const lost = new Set(await scripts.of(queue).extendLocks(ids, locks, Math.ceil(leaseMs)));
      return ids.map((id) => (lost.has(id) ? { ok: false, error: leaseLost(id) } : { ok: true, value: expiresAt }));
    } catch (thrown) {
      return leases.map((lease) => failed(lease, thrown));
    }
  }

  return {
    ack: (leases) => byQueue(leases, ack),
    extend: (leases, leaseMs) => byQueue(leases, (queue, some) => extend(queue, some, leaseMs)),
    retry: (lease, { delayMs, countsAttempt }) =>
      settle(lease, async (bullmq, token) => {
        const now = Date.now();
        const delay = Math.ceil(delayMs);
        const releases = lease.releases + (countsAttempt ? 0 : 1);
        const data = storedText(lease, delay > 0 ? now + delay : lease.dueAt, releases);
        if (delay > 0) {
          const options = { skipAttempt: !countsAttempt, fieldsToUpdate: { data } };
          await bullmq.moveToDelayed(lease.id, now, delay, token, options);
        } else if (countsAttempt) await bullmq.retryJob(lease.id, false, token);
        // The script counts an attempt, so one is subtracted in the same step.
        else await bullmq.retryJob(lease.id, false, token, { fieldsToUpdate: { data, atm: lease.attempt - 2 } });
      }),
    deadLetter: (lease, { code, message, error }) =>
      settle(lease, (bullmq, token) =>
        bullmq.moveToFailed(jobRef(lease.id), `${code}: ${message.slice(0, 2_000)}`, false, token, false, {
          // Both also without an error: BullMQ's own retry leaves those of the last death.
          stacktrace: JSON.stringify(error === undefined ? [] : [errorText(error)]),
          [ERROR_FIELD]: serialiseError(error) ?? "",
        }),
      ),
  };
}

/** One call for each queue, and the results in the order of the leases. */
async function byQueue<T>(
  leases: readonly Lease[],
  work: (queue: string, leases: readonly Lease[]) => Promise<Result<T>[]>,
): Promise<Result<T>[]> {
  const [first] = leases;
  if (first === undefined) return [];
  if (leases.every(({ queue }) => queue === first.queue)) return work(first.queue, leases);
  const results = new Map<Lease, Result<T> | undefined>();
  const queues = new Set(leases.map(({ queue }) => queue));
  const calls = [...queues].map(async (queue) => {
    const some = leases.filter((lease) => lease.queue === queue);
    const found = await work(queue, some);
    for (const [index, lease] of some.entries()) results.set(lease, found[index]);
  });
  await Promise.all(calls);
  return leases.map((lease) => results.get(lease) ?? { ok: false, error: leaseLost(lease.id) });
}
