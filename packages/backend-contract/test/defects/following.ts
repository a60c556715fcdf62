import { DuplicateJobError, type Receipt, type Result } from "@waybill/core";
import type { JobControl, Lease, Message, UniqueKey } from "@waybill/core/backend";
import type { Defect, Spoil, Whole } from "./planted.ts";

/** What became of a job with a key. "released" and "failed" jobs wait again. */
export interface Followed {
  readonly message: Keyed;
  state: "waiting" | "leased" | "released" | "failed" | "acked" | "dead" | "replayed" | "replaced" | "cancelled";
  readonly enqueuedAt: number;
  leaseEndsAt: number;
  /** A settle came after its lease had ended. */
  lateSettle: boolean;
}

type Keyed = Message & { readonly unique: UniqueKey };

/** Returns whether the defect shows: the message has the same key as `job`, which was stored before it. */
type When = (job: Followed, message: Keyed) => boolean;

/** Keeps what became of each job with a key; `enqueue` is the spoiled one. */
function following(
  good: Whole,
  jobs: Followed[],
  enqueue: (message: Keyed, equal: readonly Followed[]) => Promise<Result<Receipt>>,
): Partial<Whole> {
  const of = ({ id }: { readonly id: string }): Followed | undefined => jobs.findLast((job) => job.message.id === id);
  const settled = (lease: { readonly id: string }, state: Followed["state"]): void => {
    const job = of(lease);
    if (job !== undefined) job.state = state;
  };
  async function store(message: Keyed): Promise<Result<Receipt>> {
    const { key } = message.unique;
    const result = await enqueue(
      message,
      jobs.filter((job) => job.message.unique.key === key && job.message.type === message.type),
    );
    if (!result.ok || !result.value.stored) return result;
    const replaced = of({ id: result.value.replaced ?? "" });
    if (replaced !== undefined) replaced.state = "replaced";
    const enqueuedAt = performance.now();
    jobs.push({ message, state: "waiting", enqueuedAt, leaseEndsAt: Infinity, lateSettle: false });
    return result;
  }
  return {
    async enqueue(messages) {
      if (!messages.some(isKeyed)) return good.enqueue(messages);
      const results: Result<Receipt>[] = [];
      for (const message of messages) {
        results.push(...(isKeyed(message) ? [await store(message)] : await good.enqueue([message])));
      }
      return results;
    },
    async lease(request) {
      const found = await good.lease(request);
      for (const lease of found) {
        settled(lease, "leased");
        const job = of(lease);
        if (job !== undefined) job.leaseEndsAt = performance.now() + request.leaseMs;
      }
      return found;
    },
    async ack(leases) {
      const results = await good.ack(leases);
      results.forEach((result, index) => {
        const lease = leases[index] as Lease;
        const job = of(lease);
        if (result.ok) settled(lease, "acked");
        else if (job !== undefined) job.lateSettle = true;
      });
      return results;
    },
    async retry(lease, request) {
      await good.retry(lease, request);
      settled(lease, request.countsAttempt ? "failed" : "released");
    },
    async deadLetter(lease, reason) {
      await good.deadLetter(lease, reason);
      settled(lease, "dead");
    },
    ...(good.jobControl && { jobControl: cancelling(good.jobControl, settled) }),
    inspector: {
      ...good.inspector,
      async replay(query) {
        const replayed = await good.inspector.replay(query);
        for (const job of jobs) if (job.state === "dead") job.state = "replayed";
        return replayed;
      },
    },
  };
}

const cancelling = (
  good: JobControl,
  settled: (job: { readonly id: string }, state: "cancelled") => void,
): JobControl => ({
  ...good,
  async cancel(ids) {
    const results = await good.cancel(ids);
    for (const [at, id] of ids.entries()) if (results[at] === "done") settled({ id }, "cancelled");
    return results;
  },
});

const isKeyed = (message: Message): message is Keyed => message.unique !== undefined;

function followed(
  spoil: (good: Whole) => (message: Keyed, equal: readonly Followed[]) => Promise<Result<Receipt>>,
): () => Spoil {
  return () => {
    const jobs: Followed[] = [];
    return (good) => following(good, jobs, spoil(good));
  };
}

/** Stores a message once. */
async function one(good: Whole, message: Message): Promise<Result<Receipt>> {
  const [result] = await good.enqueue([message]);
  if (result === undefined) throw new Error("the memory backend returned no result");
  return result;
}

/** Returns the message without its key. */
export function keyless(message: Message): Message {
  const { unique: _, ...rest } = message;
  return rest;
}

/** A message is stored although a job has its key. */
export const ignoresKey = (when: When): Defect["plant"] =>
  followed((good) => (message, equal) => {
    const isIgnored = equal.some((job) => job.message.id !== message.id && when(job, message));
    return one(good, isIgnored ? keyless(message) : message);
  });

/** A message is refused although its key is free. */
export const takesKey = (when: When): Defect["plant"] =>
  followed((good) => async (message, equal) => {
    const rival = equal.findLast((job) => when(job, message));
    if (rival === undefined) return one(good, message);
    return { ok: false, error: new DuplicateJobError(message.id, rival.message.id) };
  });

/** The result of a message with a key is changed. */
export const changesReceipt = (
  change: (receipt: Receipt, message: Keyed, equal: readonly Followed[]) => Receipt,
): Defect["plant"] =>
  followed((good) => async (message, equal) => {
    const result = await one(good, message);
    return result.ok ? { ok: true, value: change(result.value, message, equal) } : result;
  });
