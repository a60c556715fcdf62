import { type JobDefinition, type Outcome, WaybillError } from "@waybill/core";
import { countOf } from "@waybill/core/backend";
import {
  createRegistry,
  type Delivery,
  execute,
  Execution,
  type Registry,
  type RegistryOptions,
} from "@waybill/core/door";
import { read } from "./label.ts";

/** What Lambda hands over for an SQS trigger, as far as it is read here. */
export interface SqsEvent {
  readonly Records: readonly SqsRecord[];
}

/** One message, as Lambda hands it over. */
export interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  /** Those of SQS. Without `ApproximateReceiveCount`, it counts as the first delivery. */
  readonly attributes: { readonly ApproximateReceiveCount?: string; readonly MessageGroupId?: string };
  /** Those of the sender. Absent: none. */
  readonly messageAttributes?: { readonly [name: string]: { readonly stringValue?: string | undefined } };
  /** The queue's. Absent: a standard queue's. */
  readonly eventSourceARN?: string;
}

/** What Lambda tells of the invocation, as far as it is read here. */
export interface LambdaContext {
  /** Names the run in events. Absent: the process does. */
  readonly awsRequestId?: string;
  /** Milliseconds until Lambda freezes the function. */
  getRemainingTimeInMillis?(): number;
}

/** The messages to deliver again; Lambda deletes the others. The trigger needs `ReportBatchItemFailures`. */
export interface LambdaResponse {
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}

/** What a worker would be given, as far as Lambda leaves it to us. */
export interface SqsHandlerOptions extends Pick<
  RegistryOptions,
  "events" | "keys" | "middleware" | "signatures" | "telemetry"
> {
  /** Definitions with handlers. Two of one type are an error. */
  readonly jobs: readonly JobDefinition[];
}

/** What Lambda calls. */
export type SqsHandler = (event: SqsEvent, context?: LambdaContext) => Promise<LambdaResponse>;

/** Before the function is frozen, jobs that still run are told so and get this long to end. */
const LAST_WORDS_MS = 2_000;

/**
 * A Lambda function for an SQS trigger. `export const handler = sqsHandler({ jobs })`. Whatever does not complete is
 * reported as failed, comes again after the queue's visibility timeout, and is moved to the queue's own dead-letter
 * queue after its `maxReceiveCount`. Every delivery is an attempt. Throws `CONFIG_INVALID` when made.
 */
export function sqsHandler({ jobs, ...options }: SqsHandlerOptions): SqsHandler {
  const registry = createRegistry(jobs, options);
  return async (event, context = {}) => {
    const worker = `lambda-${context.awsRequestId ?? process.pid}`;
    const freezesAt = context.getRemainingTimeInMillis?.() ?? null;
    const until = freezesAt === null ? null : performance.now() + freezesAt - LAST_WORDS_MS;
    const lines = linesOf(event.Records);
    const failed = await Promise.all(lines.map((line) => runLine(line, registry, worker, until)));
    return { batchItemFailures: failed.flat().map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

/** What may run side by side: each message of a standard queue, each group of a FIFO queue. */
function linesOf(records: readonly SqsRecord[]): SqsRecord[][] {
  const lines = new Map<string, SqsRecord[]>();
  for (const record of records) {
    const isFifo = record.eventSourceARN?.endsWith(".fifo") === true;
    const name = isFifo ? `group ${record.attributes.MessageGroupId ?? ""}` : `message ${record.messageId}`;
    lines.set(name, [...(lines.get(name) ?? []), record]);
  }
  return [...lines.values()];
}

/** One after the other. The first that fails ends the line: those behind it must not overtake it. */
async function runLine(
  line: readonly SqsRecord[],
  registry: Registry,
  worker: string,
  until: number | null,
): Promise<string[]> {
  for (const [index, record] of line.entries()) {
    const outcome = await run(record, registry, worker, until);
    if (!isDone(outcome)) return line.slice(index).map(({ messageId }) => messageId);
  }
  return [];
}

/** A job that asked to be forgotten rather than kept is done with as well. */
const isDone = (outcome: Outcome): boolean =>
  outcome.kind === "completed" || (outcome.kind === "dead" && !outcome.kept);

async function run(record: SqsRecord, registry: Registry, worker: string, until: number | null): Promise<Outcome> {
  const execution = new Execution();
  const leftMs = until === null ? null : Math.max(0, until - performance.now());
  const timer = leftMs === null ? undefined : setTimeout(() => execution.cancel(FREEZING, LAST_WORDS_MS / 2), leftMs);
  try {
    return await execute(deliveryOf(record, worker, execution), registry);
  } finally {
    clearTimeout(timer);
  }
}

const FREEZING = new WaybillError("SHUTDOWN", "Lambda is about to freeze the function; the job goes back to its queue");

/** What brings jobs here, to telemetry: the same queues as a worker's. */
const LAMBDA = { name: "sqs" } as const;

function deliveryOf(record: SqsRecord, worker: string, execution: Execution): Delivery {
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
    execution,
    attempt: history.attempt + receives - 1,
    lost: history.lost,
    releases: history.releases,
    dueAt: history.dueAt,
    // Which queue of waybill's it is, only the body can tell here.
    label: null,
  };
}
