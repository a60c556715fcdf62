import type { Lease } from "../backend/contract.ts";
import { InFlightJob } from "./in-flight-job.ts";
import { TypeCounts } from "./type-counts.ts";

/**
 * Owns the in-flight state of one worker: every job that is leased, running or settling. Only this class changes the state of
 * a job; the other parts of a worker read it here and keep no second copy. Handlers that outlive their outcome are known to
 * `RunTracker`.
 *
 * A change calls the listeners at once. They must not change state themselves, but schedule what is to be done.
 */
export class InFlightJobs implements Iterable<InFlightJob> {
  readonly #jobs = new Set<InFlightJob>();
  /** By queue, in order of arrival. A queue stays once it has had a job. */
  readonly #leasedByQueue = new Map<string, InFlightJob[]>();
  readonly #types: TypeCounts;
  readonly #listeners = new Set<() => void>();
  #leased = 0;
  #running = 0;
  #settling = 0;

  /** `countedTypes`: those for which `runningOf` and `leasedOf` count. */
  constructor(countedTypes: Iterable<string> = []) {
    this.#types = new TypeCounts(countedTypes);
  }

  get size(): number {
    return this.#jobs.size;
  }

  get leased(): number {
    return this.#leased;
  }

  get running(): number {
    return this.#running;
  }

  get settling(): number {
    return this.#settling;
  }

  /** Running jobs of a counted type. */
  runningOf(type: string): number {
    return this.#types.runningOf(type);
  }

  /** Leased jobs of a counted type, in one queue or in all. */
  leasedOf(type: string, queue?: string): number {
    return this.#types.leasedOf(type, queue);
  }

  [Symbol.iterator](): IterableIterator<InFlightJob> {
    return this.#jobs.values();
  }

  /** The first leased job of the queue for which `test` holds, in order of arrival; null when there is none. */
  firstLeased(queue: string, test: (job: InFlightJob) => boolean): InFlightJob | null {
    return this.#leasedByQueue.get(queue)?.find(test) ?? null;
  }

  /** The leased jobs for which `test` holds, queue by queue. */
  allLeased(test: (job: InFlightJob) => boolean): InFlightJob[] {
    return [...this.#leasedByQueue.values()].flatMap((jobs) => jobs.filter(test));
  }

  /** Adds a job as leased. */
  add(lease: Lease): InFlightJob {
    const job = new InFlightJob(lease);
    this.#jobs.add(job);
    const jobs = this.#leasedByQueue.get(lease.queue);
    if (jobs === undefined) this.#leasedByQueue.set(lease.queue, [job]);
    else jobs.push(job);
    this.#leased += 1;
    this.#types.addLeased(lease, 1);
    this.#changed();
    return job;
  }

  /** Leased to running. */
  start(job: InFlightJob): void {
    if (job.state !== "leased") throw misstep(job, "started");
    this.#leaveLeased(job);
    job.state = "running";
    this.#running += 1;
    this.#types.addRunning(job.lease.type, 1);
    this.#changed();
  }

  /** Leased or running to settling: the outcome is decided, and the slot is free. */
  settle(job: InFlightJob): void {
    if (job.state === "leased") this.#leaveLeased(job);
    else if (job.state === "running") this.#leaveRunning(job);
    else throw misstep(job, "settled");
    job.state = "settling";
    this.#settling += 1;
    this.#changed();
  }

  /** Settling to settled: the outcome is stored, or was given up. */
  remove(job: InFlightJob): void {
    if (job.state !== "settling") throw misstep(job, "removed");
    this.#settling -= 1;
    job.state = "settled";
    this.#jobs.delete(job);
    this.#changed();
  }

  /** Calls `listener` on each change. Returns the function that unsubscribes it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #leaveLeased(job: InFlightJob): void {
    const jobs = this.#leasedByQueue.get(job.lease.queue) ?? [];
    // Nearly always the first, which shift removes faster.
    if (jobs[0] === job) jobs.shift();
    else jobs.splice(jobs.indexOf(job), 1);
    this.#leased -= 1;
    this.#types.addLeased(job.lease, -1);
  }

  #leaveRunning({ lease }: InFlightJob): void {
    this.#running -= 1;
    this.#types.addRunning(lease.type, -1);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function misstep({ id, state }: InFlightJob, step: string): Error {
  return new Error(`job "${id}" is ${state}: it cannot be ${step}`);
}
