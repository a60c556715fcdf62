import { type JobDefinition, type Outcome, WaybillError } from "@waybill/core";
import { assertGuardOptions, assertKnownOptions, countOf, type OptionNames } from "@waybill/core/backend";
import {
  createHandlerRegistry,
  refuseLimits,
  refuseResults,
  type Delivery,
  execute,
  RunHandle,
  type HandlerRegistry,
  type HandlerRegistryOptions,
} from "@waybill/core/endpoint";
import { read } from "./message/label.ts";

/** The event of an SQS trigger, as far as it is used. */
export interface SqsEvent {
  readonly Records: readonly SqsRecord[];
}

/** A message in the event. */
export interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  /** SQS's own attributes. Without `ApproximateReceiveCount` the message counts as delivered for the first time. */
  readonly attributes: { readonly ApproximateReceiveCount?: string; readonly MessageGroupId?: string };
  /** The sender's attributes. Omitted: none. */
  readonly messageAttributes?: { readonly [name: string]: { readonly stringValue?: string | undefined } };
  /** The ARN of the queue. Omitted: that of a standard queue. */
  readonly eventSourceARN?: string;
}

/** The context of an invocation, as far as it is used. */
export interface LambdaContext {
  /** Becomes the worker's name in events. Omitted: the process id does. */
  readonly awsRequestId?: string;
  /** Returns the milliseconds until Lambda freezes the function. */
  getRemainingTimeInMillis?(): number;
}

/** The messages that SQS shall deliver again. Lambda deletes the others. The trigger needs `ReportBatchItemFailures`. */
export interface LambdaResponse {
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}

/** The options of a worker that apply on Lambda. */
export interface SqsHandlerOptions extends Pick<
  HandlerRegistryOptions,
  "events" | "keys" | "middleware" | "signatures" | "telemetry"
> {
  /** Definitions with handlers. Two of one type are CONFIG_INVALID. */
  readonly jobs: readonly JobDefinition[];
}

/** The function that Lambda calls. */
export type SqsHandler = (event: SqsEvent, context?: LambdaContext) => Promise<LambdaResponse>;

const OPTIONS: OptionNames<SqsHandlerOptions> = {
  jobs: true,
  events: true,
  keys: true,
  middleware: true,
  signatures: true,
  telemetry: true,
};

/** How long before the freeze running jobs are aborted. */
const BEFORE_FREEZE_MS = 2_000;

/**
 * Returns a Lambda function for an SQS trigger: `export const handler = sqsHandler({ jobs })`. Every delivery is an attempt.
 * A job that does not complete is reported as failed; SQS delivers it again after the queue's visibility timeout, and moves
 * it to the queue's own dead-letter queue after `maxReceiveCount` deliveries. Throws `CONFIG_INVALID` for bad options.
 */
export function sqsHandler(given: SqsHandlerOptions): SqsHandler {
  assertKnownOptions(given, OPTIONS, "the options of sqsHandler");
  assertGuardOptions(given, ["keys", "signatures"], "the options of sqsHandler");
  const { jobs, ...options } = given;
  const registry = createHandlerRegistry(jobs, options);
  refuseLimits(
    jobs,
    "a Lambda function",
    "its maximum concurrency in the event source mapping bounds the jobs of one queue",
  );
  refuseResults(jobs, "a Lambda function");
  return async (event, context = {}) => {
    const worker = `lambda-${context.awsRequestId ?? process.pid}`;
    const remainingMs = context.getRemainingTimeInMillis?.() ?? null;
    const until = remainingMs === null ? null : performance.now() + remainingMs - BEFORE_FREEZE_MS;
    const failed = await Promise.all(parallel(event.Records).map((list) => runInOrder(list, registry, worker, until)));
    return { batchItemFailures: failed.flat().map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

/** Returns lists of messages that may run in parallel: each message of a standard queue, each group of a FIFO queue. */
function parallel(records: readonly SqsRecord[]): SqsRecord[][] {
  const lists = new Map<string, SqsRecord[]>();
  for (const record of records) {
    const isFifo = record.eventSourceARN?.endsWith(".fifo") === true;
    const name = isFifo ? `group ${record.attributes.MessageGroupId ?? ""}` : `message ${record.messageId}`;
    lists.set(name, [...(lists.get(name) ?? []), record]);
  }
  return [...lists.values()];
}

/** Runs one message after the other. Those after the first that fails must not overtake it, so they fail as well. */
async function runInOrder(
  list: readonly SqsRecord[],
  registry: HandlerRegistry,
  worker: string,
  until: number | null,
): Promise<string[]> {
  for (const [index, record] of list.entries()) {
    const outcome = await run(record, registry, worker, until);
    if (!isDone(outcome)) return list.slice(index).map(({ messageId }) => messageId);
  }
  return [];
}

/** A discarded job has ended as well. */
const isDone = (outcome: Outcome): boolean =>
  outcome.kind === "completed" || (outcome.kind === "dead" && !outcome.kept);

async function run(
  record: SqsRecord,
  registry: HandlerRegistry,
  worker: string,
  until: number | null,
): Promise<Outcome> {
  const handle = new RunHandle();
  const leftMs = until === null ? null : Math.max(0, until - performance.now());
  const timer = leftMs === null ? undefined : setTimeout(() => handle.cancel(FREEZING, BEFORE_FREEZE_MS / 2), leftMs);
  try {
    return await execute(deliveryOf(record, worker, handle), registry);
  } finally {
    clearTimeout(timer);
  }
}

const FREEZING = new WaybillError("SHUTDOWN", "Lambda is about to freeze the function; SQS delivers the job again");

/** The origin of the jobs in telemetry, as a worker on SQS has it. */
const LAMBDA = { name: "sqs" } as const;

function deliveryOf(record: SqsRecord, worker: string, handle: RunHandle): Delivery {
  const texts = new Map<string, string>();
  for (const [name, { stringValue }] of Object.entries(record.messageAttributes ?? {})) {
    if (typeof stringValue === "string") texts.set(name, stringValue);
  }
  const { history, signature, body } = read(record.body, texts);
  const receives = countOf(record.attributes.ApproximateReceiveCount, 1);
  return {
    body,
    signature,
    from: LAMBDA,
    worker,
    handle,
    attempt: history.attempt + receives - 1,
    lost: history.lost,
    releases: history.releases,
    dueAt: history.dueAt,
    // Only the body names waybill's queue here.
    label: null,
  };
}
