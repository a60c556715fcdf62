interface QueueShare {
  readonly queue: string;
  readonly weight: number;
  /** Starts so far, divided by the weight. The queue with the least is next. */
  virtualTime: number;
  /** When its open lease call began, in monotonic milliseconds; null while none is open. */
  requestedAt: number | null;
}

/**
 * Shares starts and leases among the queues of a worker by their weights: start-time fair queueing. While all queues have
 * work, starts are shared by weight, to the job. A queue without work leaves its share to the others, and resumes at their
 * virtual time: it neither starves nor catches up. Keeps no jobs.
 */
export class FairScheduler {
  readonly #shares: Map<string, QueueShare>;
  /** The virtual time of the queue that was chosen last, before its start. No queue is behind it. */
  #virtualTime = 0;

  /** `weights`: of each queue, from 1. */
  constructor(weights: ReadonlyMap<string, number>) {
    this.#shares = new Map([...weights].map(([queue, weight]) => [queue, shareOf(queue, weight, 0)]));
  }

  /** Adds a queue of weight 1, unless it is known. A backend may return a job of a queue that was not asked for. */
  include(queue: string): void {
    if (!this.#shares.has(queue)) this.#shares.set(queue, shareOf(queue, 1, this.#virtualTime));
  }

  /**
   * Chooses the queue that starts a job next, and charges it for one start. `candidateOf` returns what the queue could start
   * now, or null. Returns the candidate of the chosen queue; null when no queue has one.
   */
  next<T>(candidateOf: (queue: string) => T | null): T | null {
    let chosen: QueueShare | null = null;
    let next: T | null = null;
    for (const share of this.#shares.values()) {
      if (chosen !== null && share.virtualTime >= chosen.virtualTime) continue;
      const candidate = candidateOf(share.queue);
      if (candidate === null) continue;
      chosen = share;
      next = candidate;
    }
    if (chosen === null) return null;
    this.#virtualTime = chosen.virtualTime;
    // Those behind it have no work.
    for (const share of this.#shares.values()) share.virtualTime = Math.max(share.virtualTime, this.#virtualTime);
    chosen.virtualTime += 1 / chosen.weight;
    return next;
  }

  /** A lease call on the queue begins. */
  requested(queue: string): void {
    const share = this.#shares.get(queue);
    if (share) share.requestedAt = performance.now();
  }

  /** It has returned. */
  responded(queue: string): void {
    const share = this.#shares.get(queue);
    if (share) share.requestedAt = null;
  }

  /**
   * The queue's part of the jobs to lease, above 0 up to 1: its weight among those of the queues that seem to have work. A
   * queue whose lease call has waited for 50 ms has none.
   */
  shareOf(queue: string): number {
    const own = this.#shares.get(queue)?.weight ?? 1;
    const now = performance.now();
    let all = own;
    for (const { queue: other, weight, requestedAt } of this.#shares.values()) {
      if (other !== queue && (requestedAt === null || now - requestedAt < IDLE_MS)) all += weight;
    }
    return own / all;
  }

  /** Compares two queues for sorting: the one that starts a job sooner comes first. */
  compare(one: string, other: string): number {
    return this.#virtualTimeOf(one) - this.#virtualTimeOf(other);
  }

  #virtualTimeOf(queue: string): number {
    return this.#shares.get(queue)?.virtualTime ?? 0;
  }
}

function shareOf(queue: string, weight: number, virtualTime: number): QueueShare {
  return { queue, weight, virtualTime, requestedAt: null };
}

const IDLE_MS = 50;
