import { type Message as SqsMessage, MessageSystemAttributeName, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { type DeadLetterQuery, type DeadLetterRecord, type DeadReason, WaybillError } from "@waybill/core";
import { type Admit, isQueueName, matchDeadLetters, momentOf, parseError } from "@waybill/core/backend";
import type { Batches } from "../client/batches.ts";
import type { Send } from "../client/client.ts";
import { sqsError } from "../errors.ts";
import { type Attributes, textsOf } from "../message/attributes.ts";
import { type Label, read } from "../message/label.ts";
import { queueOf, type Queue } from "./queues.ts";

/** A received dead letter, which is hidden from all others until the work with it ends. */
export interface Letter {
  readonly record: DeadLetterRecord;
  /** Unix milliseconds. It died then or later. */
  readonly sentAt: number;
  readonly handle: string;
  readonly messageId: string;
  readonly text: string;
  readonly attributes: Attributes;
  readonly label: Label | null;
}

/** What was done with dead letters. */
export interface Worked<T> {
  /** The removed ones. All others are made visible again. */
  readonly gone: ReadonlySet<Letter>;
  readonly value: T;
  /** Begins the error about letters that stay hidden. */
  readonly did?: string;
}

/** SQS cannot list messages: they are received, and made visible again. */
export interface DeadLetters {
  /**
   * Receives all dead letters, calls `work` with those of the query (null: all), newest first, and makes the others
   * visible again. Calls run one after the other; of two processes each sees only a part. Rejects if letters could not
   * be made visible, since the next call would not see them.
   */
  use<T>(query: DeadLetterQuery | null, work: (letters: readonly Letter[]) => Promise<Worked<T>>): Promise<T>;
}

/** Renewed until the work ends. A crash leaves letters hidden for this long. */
const HIDE_S = 30;
/** Of more letters than this, those received first are seen. */
const MOST_LETTERS = 10_000;

const SYSTEM_ATTRIBUTES: MessageSystemAttributeName[] = [
  MessageSystemAttributeName.SentTimestamp,
  MessageSystemAttributeName.DeadLetterQueueSourceArn,
];

export function createDeadLetters(
  send: Send,
  batches: Batches,
  dead: Queue,
  prefix: string,
  admit: Admit,
  hideS: number = HIDE_S,
): DeadLetters {
  let previous: Promise<unknown> = Promise.resolve();

  /** By message id: a letter that became visible meanwhile is received twice, and its newer handle is the valid one. */
  async function receiveAll(letters: Map<string, Letter>): Promise<void> {
    while (letters.size < MOST_LETTERS) {
      const command = new ReceiveMessageCommand({
        QueueUrl: dead.url,
        MaxNumberOfMessages: 10,
        // Without a wait SQS asks only some of its servers.
        WaitTimeSeconds: 1,
        VisibilityTimeout: hideS,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: SYSTEM_ATTRIBUTES,
      });
      const { Messages = [] } = await send(command);
      const before = letters.size;
      for (const message of Messages) {
        const letter = letterOf(message, prefix, admit);
        letters.set(letter.messageId, letter);
      }
      if (letters.size === before) break;
    }
  }

  const hide = (letters: Iterable<Letter>, seconds: number) =>
    Promise.all([...letters].map(({ record, handle }) => batches.hide(dead.url, { job: record.id, handle, seconds })));

  /** Returns a function that resolves once no renewal is in flight. A failed renewal is not reported. */
  function keepHidden(letters: ReadonlyMap<string, Letter>): () => Promise<void> {
    let renewed: Promise<unknown> = Promise.resolve();
    const renew = (): void => {
      renewed = renewed.then(() => hide(letters.values(), hideS));
    };
    const timer = setInterval(renew, (hideS * 1_000) / 3);
    return async () => {
      clearInterval(timer);
      await renewed;
    };
  }

  async function makeVisible(letters: ReadonlyMap<string, Letter>, did: string): Promise<void> {
    const results = await hide(letters.values(), 0);
    const errors = results.flatMap((result) => (result.ok ? [] : [result.error]));
    const [first] = errors;
    if (first === undefined) return;
    const text = `${did}${errors.length} of the ${letters.size} dead letters received from "${dead.name}" could not be made visible again: they stay hidden for up to ${hideS} s; try again after that, and allow sqs:ChangeMessageVisibility there (${first.message})`;
    throw new WaybillError("BACKEND_UNAVAILABLE", text, { cause: first });
  }

  async function use<T>(
    query: DeadLetterQuery | null,
    work: (letters: readonly Letter[]) => Promise<Worked<T>>,
  ): Promise<T> {
    const letters = new Map<string, Letter>();
    const stop = keepHidden(letters);
    let prefixed = "";
    try {
      await receiveAll(letters).catch((thrown: unknown) => {
        throw sqsError(thrown, `listing "${dead.name}"`);
      });
      const all = [...letters.values()].sort((one, other) => other.sentAt - one.sentAt);
      const matches = matchDeadLetters(query ?? {});
      const wanted = all.filter(({ record }) => matches(record));
      const { gone, value, did } = await work(query === null ? wanted : wanted.slice(0, query.limit ?? 100));
      for (const { messageId } of gone) letters.delete(messageId);
      if (did !== undefined) prefixed = `${did}, but `;
      return value;
    } finally {
      await stop();
      await makeVisible(letters, prefixed);
    }
  }

  return {
    use(query, work) {
      const current = previous.then(() => use(query, work));
      previous = current.catch(() => undefined);
      return current;
    },
  };
}

/**
 * A letter without a code was moved by SQS, which does not say when: `SentTimestamp` is when the job was sent. SQS names
 * the source queue in `DeadLetterQueueSourceArn`, which copies of SQS leave out; then the envelope names the queue.
 */
function letterOf(message: SqsMessage, prefix: string, admit: Admit): Letter {
  const { Body: text = "", MessageAttributes: attributes = {}, Attributes: system = {}, MessageId = "" } = message;
  const values = textsOf(attributes);
  const { id, label, history, body, signature } = read(text, values);
  const sentAt = momentOf(system.SentTimestamp) ?? 0;
  const code = values.get("waybill-code");
  const source = system.DeadLetterQueueSourceArn?.split(":").at(-1) ?? "";
  const noted = values.get("waybill-queue") ?? queueOf(prefix, source);
  const admitted = noted === null || (code === undefined && label === null) ? admit(body, signature) : null;
  const job = admitted?.ok === true ? admitted.message : null;
  const queue = noted ?? job?.queue ?? "";
  const isKnown = isQueueName(queue);
  const shown = queue === "" ? "none is named" : `"waybill-queue" is ${JSON.stringify(queue.slice(0, 80))}`;
  const record: DeadLetterRecord = {
    id: id ?? job?.id ?? MessageId,
    type: label?.type ?? job?.type ?? "",
    queue: isKnown ? queue : "",
    reason: code === undefined ? MOVED : reasonIn(code, values),
    attempt: history.attempt,
    diedAt: code === undefined ? null : sentAt,
    body,
    ...(!isKnown && { damage: `no attribute names a waybill queue to replay it to (${shown})` }),
  };
  return { record, sentAt, handle: message.ReceiptHandle ?? "", messageId: MessageId, text, attributes, label };
}

const MOVED = { code: "WORKER_LOST", message: "SQS moved it after maxReceiveCount deliveries" } as const;

function reasonIn(code: string, values: ReadonlyMap<string, string>): DeadReason {
  const error = parseError(values.get("waybill-error"));
  const message = values.get("waybill-reason") ?? (error === null ? "" : `${error.name}: ${error.message}`);
  return { code, message, ...(error && { error }) };
}
