import { setTimeout as sleep } from "node:timers/promises";
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageBatchCommand,
} from "@aws-sdk/client-sqs";
import { type Result, WaybillError } from "@waybill/core";
import { leaseLost } from "@waybill/core/backend";
import { entryError, type FailedEntry, isTransient, sqsError } from "../errors.ts";
import { type Attributes, sizeOf } from "../message/attributes.ts";
import type { Send } from "./client.ts";

interface Item {
  /** The job's id, for errors. */
  readonly job: string;
  /** Called when the request is made, which is later than the call. True makes the result LEASE_LOST. Default false. */
  readonly isLost?: () => boolean;
}

export interface Outgoing extends Item {
  readonly text: string;
  readonly attributes: Attributes;
  /** Whole seconds, at most 900; 0 on FIFO queues. */
  readonly delaySeconds: number;
  readonly group: string | null;
  /** Set on FIFO queues only: SQS drops a second message with this id within 5 minutes. */
  readonly dedupe: string | null;
}

export interface Received extends Item {
  /** The receipt handle. */
  readonly handle: string;
}

/**
 * The calls that SQS has for lists. Calls of one turn of the event loop share requests for each queue. `url` is the
 * queue's. They never reject.
 */
export interface Batches {
  send(url: string, message: Outgoing): Promise<Result<null>>;
  /** Deletes a message. */
  remove(url: string, message: Received): Promise<Result<null>>;
  /** Hides a message for `seconds` from now on. 0 makes it visible. */
  hide(url: string, message: Received & { readonly seconds: number }): Promise<Result<null>>;
}

const MOST_ENTRIES = 10;
/** Limit of one request, for all messages and attributes together. */
const MOST_BYTES = 1_048_576;
/** Pauses before a failed entry is sent again. */
const PAUSES_MS = [50, 200, 800] as const;

export function createBatches(send: Send): Batches {
  return {
    send: gathered<Outgoing>(
      "SendMessageBatch",
      ({ text, attributes }) => sizeOf(text, attributes),
      (QueueUrl, entries) => send(new SendMessageBatchCommand({ QueueUrl, Entries: entries.map(toSend) })),
    ),
    remove: gathered<Received>(
      "DeleteMessageBatch",
      () => 0,
      (QueueUrl, entries) => {
        const Entries = entries.map(({ item, Id }) => ({ Id, ReceiptHandle: item.handle }));
        return send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      },
    ),
    hide: gathered<Received & { readonly seconds: number }>(
      "ChangeMessageVisibilityBatch",
      () => 0,
      (QueueUrl, entries) => {
        const Entries = entries.map(({ item, Id }) => ({
          Id,
          ReceiptHandle: item.handle,
          VisibilityTimeout: item.seconds,
        }));
        return send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
      },
    ),
  };
}

function toSend({ item, Id }: Entry<Outgoing>): SendMessageBatchRequestEntry {
  const { text, attributes, delaySeconds, group, dedupe } = item;
  return {
    Id,
    MessageBody: text,
    MessageAttributes: { ...attributes },
    // Set even if 0, since a queue may have a delay of its own. FIFO queues refuse a message's delay.
    ...(dedupe === null && { DelaySeconds: delaySeconds }),
    ...(group !== null && { MessageGroupId: group }),
    ...(dedupe !== null && { MessageDeduplicationId: dedupe }),
  };
}

interface Entry<T> {
  readonly item: T;
  readonly Id: string;
  readonly resolve: (result: Result<null>) => void;
}

interface Output {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?: readonly FailedEntry[] | undefined;
}

type Call<T> = (url: string, entries: readonly Entry<T>[]) => Promise<Output>;

/** Returns a function that collects its calls of one turn, and makes as few requests of them as the limits allow. */
function gathered<T extends Item>(
  action: string,
  bytesOf: (item: T) => number,
  call: Call<T>,
): (url: string, item: T) => Promise<Result<null>> {
  const waiting = new Map<string, Omit<Entry<T>, "Id">[]>();

  function flush(): void {
    const queues = [...waiting];
    waiting.clear();
    for (const [url, items] of queues) {
      const valid = items.filter(({ item, resolve }) => {
        const isLost = item.isLost?.() === true;
        if (isLost) resolve({ ok: false, error: leaseLost(item.job) });
        return !isLost;
      });
      for (const chunk of chunked(valid, ({ item }) => bytesOf(item))) {
        void request(
          chunk.map((one, index) => ({ ...one, Id: String(index) })),
          action,
          (entries) => call(url, entries),
        );
      }
    }
  }

  return (url, item) =>
    new Promise((resolve) => {
      if (waiting.size === 0) setImmediate(flush);
      const items = waiting.get(url);
      if (items === undefined) waiting.set(url, [{ item, resolve }]);
      else items.push({ item, resolve });
    });
}

/** Makes a request, and repeats it for the entries that failed through no fault of theirs. Never rejects. */
async function request<T extends Item>(
  entries: readonly Entry<T>[],
  action: string,
  call: (entries: readonly Entry<T>[]) => Promise<Output>,
): Promise<void> {
  let open = entries;
  for (let tries = 0; open.length > 0; tries += 1) {
    const pauseMs = PAUSES_MS[tries];
    const again: Entry<T>[] = [];
    try {
      const { Successful = [], Failed = [] } = await call(open);
      const succeeded = new Set(Successful.map(({ Id }) => Id));
      for (const entry of open) {
        const { job } = entry.item;
        const failed = Failed.find(({ Id }) => Id === entry.Id);
        if (failed !== undefined && isTransient(failed) && pauseMs !== undefined) again.push(entry);
        else if (failed !== undefined) entry.resolve({ ok: false, error: entryError(failed, action, job) });
        else if (succeeded.has(entry.Id)) entry.resolve({ ok: true, value: null });
        else
          entry.resolve({
            ok: false,
            error: new WaybillError(
              "BACKEND_UNAVAILABLE",
              `SQS returned no result of ${action} for job "${job}"; try again`,
            ),
          });
      }
    } catch (thrown) {
      const error = sqsError(thrown, action);
      for (const { resolve } of open) resolve({ ok: false, error });
    }
    open = again;
    if (open.length > 0 && pauseMs !== undefined) await sleep(pauseMs);
  }
}

/** Splits items into lists of at most 10 and 1 MiB. */
function chunked<T>(items: readonly T[], bytesOf: (item: T) => number): T[][] {
  const chunks: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    const chunk = chunks.at(-1);
    if (chunk === undefined || chunk.length === MOST_ENTRIES || bytes + size > MOST_BYTES) {
      chunks.push([item]);
      bytes = size;
    } else {
      chunk.push(item);
      bytes += size;
    }
  }
  return chunks;
}
