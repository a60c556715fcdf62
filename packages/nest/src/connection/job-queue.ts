import { Inject } from "@nestjs/common";
import { assertDefined } from "../config-error.ts";
import type { EnqueueOptions, JobDefinition, JobReceipt, Jobs, Receipt } from "@waybill/core";
import type { OptionalPayload } from "@waybill/core/endpoint";

/** The connection, for `@Inject(JobQueue)`, without the methods that the module itself calls. */
export abstract class JobQueue implements Omit<Jobs, "worker" | "close"> {
  abstract readonly backend: Jobs["backend"];
  abstract readonly events: Jobs["events"];
  abstract readonly inspector: Jobs["inspector"];
  abstract readonly doctor: Jobs["doctor"];
  abstract readonly enqueue: Jobs["enqueue"];
  abstract readonly enqueueIn: Jobs["enqueueIn"];
  abstract readonly enqueueBody: Jobs["enqueueBody"];
  abstract readonly enqueueMany: Jobs["enqueueMany"];
  abstract readonly find: Jobs["find"];
  abstract readonly list: Jobs["list"];
  abstract readonly cancel: Jobs["cancel"];
  abstract readonly runNow: Jobs["runNow"];
  abstract readonly reschedule: Jobs["reschedule"];
  abstract readonly pause: Jobs["pause"];
  abstract readonly resume: Jobs["resume"];
  abstract readonly pauses: Jobs["pauses"];
  abstract readonly records: Jobs["records"];
  abstract readonly watch: Jobs["watch"];
  abstract readonly schedules: Jobs["schedules"];
  abstract readonly workers: Jobs["workers"];
  abstract readonly queuesWithoutWorker: Jobs["queuesWithoutWorker"];
  abstract readonly history: Jobs["history"];
  abstract readonly limitsInUse: Jobs["limitsInUse"];
  abstract readonly audit: Jobs["audit"];
  abstract readonly why: Jobs["why"];
  abstract readonly result: Jobs["result"];
  abstract readonly flow: Jobs["flow"];
  abstract readonly flows: Jobs["flows"];
  abstract readonly batch: Jobs["batch"];
}

/** Enqueues one type of job, for `@InjectJob(definition)`. */
export interface QueueOf<Definition extends JobDefinition> {
  readonly definition: Definition;
  /** As `JobQueue.enqueue`. */
  enqueue(payload: InputOf<Definition>, options?: EnqueueOptions): Promise<JobReceipt<ResultOf<Definition>>>;
  enqueue(this: OptionalPayload<InputOf<Definition>>): Promise<JobReceipt<ResultOf<Definition>>>;
  /** As `JobQueue.enqueueIn`. */
  enqueueIn(transaction: unknown, payload: InputOf<Definition>, options?: EnqueueOptions): Promise<Receipt>;
  enqueueIn(this: OptionalPayload<InputOf<Definition>>, transaction: unknown): Promise<Receipt>;
}

type InputOf<Definition> = Definition extends JobDefinition<infer Input, infer _, infer _Result> ? Input : never;
type ResultOf<Definition> = Definition extends JobDefinition<infer _, infer _Output, infer Result> ? Result : never;

/**
 * Injects the queue of one type of job. `@InjectJob(sendReceipt) private receipts: QueueOf<typeof sendReceipt>`. Throws
 * `CONFIG_INVALID` if the definition is undefined.
 */
export function InjectJob(definition: JobDefinition): PropertyDecorator & ParameterDecorator {
  assertDefined(definition, "@InjectJob got what");
  return Inject(queueToken(definition));
}

/** A sentence, because Nest shows it in its error when `forFeature` is missing. */
export function queueToken({ type }: JobDefinition): string {
  return `queue of job ${type} (by WaybillModule.forFeature in the same module)`;
}

/** Returns the queue of one type of job. */
export function queueOf<Definition extends JobDefinition>(jobs: JobQueue, definition: Definition): QueueOf<Definition> {
  return {
    definition,
    enqueue: (payload?: InputOf<Definition>, options?: EnqueueOptions) =>
      jobs.enqueue(definition, payload, options) as Promise<JobReceipt<ResultOf<Definition>>>,
    enqueueIn: (transaction: unknown, payload?: InputOf<Definition>, options?: EnqueueOptions) =>
      jobs.enqueueIn(transaction, definition, payload, options),
  };
}
