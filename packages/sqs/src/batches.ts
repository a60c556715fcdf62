import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageBatchCommand,
} from "@aws-sdk/client-sqs";
import { type Answer, WaybillError } from "@waybill/core";
import { type Attributes, sizeOf } from "./attributes.ts";
import { entryError, type FailedEntry, isTransient, sqsError } from "./errors.ts";
import type { Send } from "./client.ts";
import type { Queue } from "./queues.ts";

/** One message on its way out. */
export interface Outgoing {
  /** The job's id, for errors. */
  readonly job: string;
  readonly text: string;
  readonly attributes: Attributes;
  /** Whole seconds, at most 900; 0 on FIFO queues. */
  readonly delaySeconds: number;
  readonly group: string | null;
  /** FIFO only: SQS forgets a second message of this name within 5 minutes. */
  readonly dedupe: string | null;
}

/** One delivery whose visibility is to change. */
export interface Hidden {
  readonly job: string;
  readonly handle: string;
  /** 0 makes it visible at once. */
  readonly seconds: number;
}

/** The three calls that take lists. Each answers per item, in order, and never rejects. */
export interface Batches {
  send(queue: Queue, messages: readonly Outgoing[]): Promise<Answer<null>[]>;
  remove(queue: Queue, items: readonly { readonly job: string; readonly handle: string }[]): Promise<Answer<null>[]>;
  hide(queue: Queue, items: readonly Hidden[]): Promise<Answer<null>[]>;
}

const MOST_ENTRIES = 10;
/** Of all messages in one call, attributes included. */
const MOST_BYTES = 1_048_576;
/** Pauses before a failed entry is sent once more. A throttled caller is better served late than refused. */
const PAUSES_MS = [50, 200, 800] as const;

const done: Answer<null> = { ok: true, value: null };

export function createBatches(send: Send): Batches {
  return {
    send: (queue, messages) =>
      inChunks(messages, chunked(messages), (some) =>
        answered(some, "SendMessageBatch", async (entries) => {
          const Entries = entries.map(({ item, Id }) => entryOf(item, Id));
          return send(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries }));
        }),
      ),
    remove: (queue, items) =>
      inChunks(items, byCount(items), (some) =>
        answered(some, "DeleteMessageBatch", async (entries) => {
          const Entries = entries.map(({ item, Id }) => ({ Id, ReceiptHandle: item.handle }));
          return send(new DeleteMessageBatchCommand({ QueueUrl: queue.url, Entries }));
        }),
      ),
    hide: (queue, items) =>
      inChunks(items, byCount(items), (some) =>
        answered(some, "ChangeMessageVisibilityBatch", async (entries) => {
          const Entries = entries.map(({ item, Id }) => ({
            Id,
            ReceiptHandle: item.handle,
            VisibilityTimeout: item.seconds,
          }));
          return send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queue.url, Entries }));
        }),
      ),
  };
}

function entryOf(message: Outgoing, Id: string): SendMessageBatchRequestEntry {
  return {
    Id,
    MessageBody: message.text,
    MessageAttributes: { ...message.attributes },
    // Said even where it is 0, since a queue may have a delay of its own. A FIFO queue takes none of a message's.
    ...(message.dedupe === null && { DelaySeconds: message.delaySeconds }),
    ...(message.group !== null && { MessageGroupId: message.group }),
    ...(message.dedupe !== null && { MessageDeduplicationId: message.dedupe }),
  };
}

interface Entry<T> {
  readonly item: T;
  readonly Id: string;
}

interface Output {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?: readonly FailedEntry[] | undefined;
}

/** One call's answers, entry by entry. Only the entries that failed for no fault of theirs are sent again. */
async function answered<T extends { readonly job: string }>(
  items: readonly T[],
  what: string,
  call: (entries: readonly Entry<T>[]) => Promise<Output>,
): Promise<Answer<null>[]> {
  const answers: Answer<null>[] = [];
  let open: readonly Entry<T>[] = items.map((item, index) => ({ item, Id: String(index) }));
  for (let tries = 0; open.length > 0; tries += 1) {
    const pauseMs = PAUSES_MS[tries];
    const again: Entry<T>[] = [];
    try {
      const { Successful = [], Failed = [] } = await call(open);
      const succeeded = new Set(Successful.map(({ Id }) => Id));
      for (const entry of open) {
        const failed = Failed.find(({ Id }) => Id === entry.Id);
        if (failed !== undefined && isTransient(failed) && pauseMs !== undefined) again.push(entry);
        else if (failed !== undefined) set(entry, { ok: false, error: entryError(failed, what, entry.item.job) });
        else set(entry, succeeded.has(entry.Id) ? done : { ok: false, error: unanswered(what, entry.item.job) });
      }
    } catch (thrown) {
      for (const entry of open) set(entry, { ok: false, error: sqsError(thrown, what) });
    }
    open = again;
    if (open.length > 0 && pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return answers;

  function set(entry: Entry<T>, answer: Answer<null>): void {
    answers[Number(entry.Id)] = answer;
  }
}

const unanswered = (what: string, job: string): WaybillError =>
  new WaybillError("BACKEND_UNAVAILABLE", `${what} said nothing of job "${job}"`);

/** Calls for all chunks at once; the answers in the order of the items. */
async function inChunks<T>(
  items: readonly T[],
  sizes: readonly number[],
  call: (some: readonly T[]) => Promise<Answer<null>[]>,
): Promise<Answer<null>[]> {
  let from = 0;
  const calls = sizes.map((size) => call(items.slice(from, (from += size))));
  return (await Promise.all(calls)).flat();
}

function byCount(items: readonly unknown[]): number[] {
  const chunks = Math.ceil(items.length / MOST_ENTRIES);
  return Array.from({ length: chunks }, (_, at) => Math.min(MOST_ENTRIES, items.length - at * MOST_ENTRIES));
}

/** Sizes of chunks within 10 messages and 1 MiB. */
function chunked(messages: readonly Outgoing[]): number[] {
  const sizes: number[] = [];
  let count = 0;
  let bytes = 0;
  for (const { text, attributes } of messages) {
    const size = sizeOf(text, attributes);
    if (count === MOST_ENTRIES || (count > 0 && bytes + size > MOST_BYTES)) {
      sizes.push(count);
      count = 0;
      bytes = 0;
    }
    count += 1;
    bytes += size;
  }
  return count === 0 ? sizes : [...sizes, count];
}
