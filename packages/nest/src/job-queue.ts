import { Inject } from "@nestjs/common";
import type { EnqueueOptions, JobDefinition, Jobs, Receipt } from "@waybill/core";

/** The producer, for `@Inject(JobQueue)`: core's connection, but for what Nest does with it. */
export abstract class JobQueue implements Pick<Jobs, "backend" | "events" | "inspector" | "doctor"> {
  abstract readonly backend: Jobs["backend"];
  abstract readonly events: Jobs["events"];
  abstract readonly inspector: Jobs["inspector"];
  abstract readonly doctor: Jobs["doctor"];
  abstract readonly enqueue: Jobs["enqueue"];
  abstract readonly enqueueIn: Jobs["enqueueIn"];
  abstract readonly enqueueBody: Jobs["enqueueBody"];
  abstract readonly enqueueMany: Jobs["enqueueMany"];
  abstract readonly workers: Jobs["workers"];
}

/** Enqueues one job only, for `@InjectJob(definition)`. */
export interface QueueOf<Definition extends JobDefinition> {
  readonly definition: Definition;
  /** As `JobQueue.enqueue`. */
  enqueue(payload: InputOf<Definition>, options?: EnqueueOptions): Promise<Receipt>;
  /** As `JobQueue.enqueueIn`. */
  enqueueIn(transaction: unknown, payload: InputOf<Definition>, options?: EnqueueOptions): Promise<Receipt>;
}

type InputOf<Definition> = Definition extends JobDefinition<infer Input, infer _> ? Input : never;

/** Injects the queue of one job. `@InjectJob(sendReceipt) private receipts: QueueOf<typeof sendReceipt>`. */
export function InjectJob(definition: JobDefinition): PropertyDecorator & ParameterDecorator {
  return Inject(queueToken(definition));
}

/** Readable, since Nest names it when a module forgot `forFeature`. */
export function queueToken({ type }: JobDefinition): string {
  return `queue of job ${type}`;
}

export function queueOf<Definition extends JobDefinition>(jobs: JobQueue, definition: Definition): QueueOf<Definition> {
  return {
    definition,
    enqueue: (payload, options) => jobs.enqueue(definition, payload, options),
    enqueueIn: (transaction, payload, options) => jobs.enqueueIn(transaction, definition, payload, options),
  };
}
