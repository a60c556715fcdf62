import type { Answer, DeadReason } from "@waybill/core";
import type { Lease, RetryRequest } from "@waybill/core/backend";
import { leaseLost, settleError } from "./errors.ts";
import { storedText } from "./label.ts";
import type { Queues } from "./queues.ts";
import { jobRef, type ScriptBook, type Scripts } from "./scripts.ts";

/** Ends or lengthens leases. Redis judges each by its lock, whose value is the token. */
export interface Settle {
  ack(leases: readonly Lease[]): Promise<Answer<null>[]>;
  retry(lease: Lease, request: RetryRequest): Promise<void>;
  deadLetter(lease: Lease, reason: DeadReason): Promise<void>;
  extend(leases: readonly Lease[], leaseMs: number): Promise<Answer<number | null>[]>;
}

const done: Answer<null> = { ok: true, value: null };

/** `finish` acks jobs of one queue; see `Queues`. */
export function createSettle(scripts: ScriptBook, address: string, finish: Queues["finish"]): Settle {
  async function ackQueue(queue: string, leases: readonly Lease[]): Promise<Answer<null>[]> {
    const failed = (id: string, thrown: unknown): Answer<null> => ({
      ok: false,
      error: settleError(thrown, id, address),
    });
    try {
      const codes = await finish(
        queue,
        leases.map((held) => ({ id: held.id, token: tokenOf(held) })),
      );
      return leases.map(({ id }, index) => (codes[index] === 0 ? done : failed(id, codes[index])));
    } catch (thrown) {
      return leases.map(({ id }) => failed(id, thrown));
    }
  }

  async function change(held: Lease, work: (bullmq: Scripts, token: string) => Promise<unknown>): Promise<void> {
    try {
      await work(scripts.of(held.queue), tokenOf(held));
    } catch (thrown) {
      throw settleError(thrown, held.id, address);
    }
  }

  async function extendQueue(queue: string, leases: readonly Lease[], leaseMs: number): Promise<Answer<number>[]> {
    const expiresAt = Date.now() + leaseMs;
    const ids = leases.map(({ id }) => id);
    try {
      const lost = new Set(await scripts.of(queue).extendLocks(ids, leases.map(tokenOf), Math.ceil(leaseMs)));
      return ids.map((id) => (lost.has(id) ? { ok: false, error: leaseLost(id) } : { ok: true, value: expiresAt }));
    } catch (thrown) {
      return ids.map((id) => ({ ok: false, error: settleError(thrown, id, address) }));
    }
  }

  return {
    ack: (leases) => byQueue(leases, ackQueue),
    extend: (leases, leaseMs) => byQueue(leases, (queue, some) => extendQueue(queue, some, leaseMs)),
    retry: (held, { delayMs, countsAttempt }) =>
      change(held, async (bullmq, token) => {
        const now = Date.now();
        const delay = Math.ceil(delayMs);
        const releases = held.releases + (countsAttempt ? 0 : 1);
        const data = storedText(held, delay > 0 ? now + delay : held.dueAt, releases);
        if (delay > 0) {
          const options = { skipAttempt: !countsAttempt, fieldsToUpdate: { data } };
          await bullmq.moveToDelayed(held.id, now, delay, token, options);
        } else if (countsAttempt) await bullmq.retryJob(held.id, false, token);
        // The script counts an attempt, so one is taken off in the same step.
        else await bullmq.retryJob(held.id, false, token, { fieldsToUpdate: { data, atm: held.attempt - 2 } });
      }),
    deadLetter: (held, { code, message }) =>
      change(held, (bullmq, token) =>
        bullmq.moveToFailed(jobRef(held.id), `${code}: ${message.slice(0, 2_000)}`, false, token, false),
      ),
  };
}

/** No lock has the value that stands for a token of another backend. */
const tokenOf = ({ token }: Lease): string => (typeof token === "string" ? token : "not a token of this backend");

/** One call for each queue, and the answers in the order of the leases. */
async function byQueue<T>(
  leases: readonly Lease[],
  work: (queue: string, leases: readonly Lease[]) => Promise<Answer<T>[]>,
): Promise<Answer<T>[]> {
  const [first] = leases;
  if (first === undefined) return [];
  if (leases.every(({ queue }) => queue === first.queue)) return work(first.queue, leases);
  const answers = new Map<Lease, Answer<T> | undefined>();
  const queues = new Set(leases.map(({ queue }) => queue));
  const calls = [...queues].map(async (queue) => {
    const some = leases.filter((held) => held.queue === queue);
    const found = await work(queue, some);
    for (const [index, held] of some.entries()) answers.set(held, found[index]);
  });
  await Promise.all(calls);
  return leases.map((held) => answers.get(held) ?? { ok: false, error: leaseLost(held.id) });
}
