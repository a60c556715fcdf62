import { type Message as SqsMessage, MessageSystemAttributeName, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { type DeadLetter, type DeadLetterQuery, WaybillError } from "@waybill/core";
import { type Attributes, textsOf } from "./attributes.ts";
import { type Admit, isQueueName, momentOf } from "@waybill/core/backend";
import type { Batches } from "./batches.ts";
import type { Send } from "./client.ts";
import { sqsError } from "./errors.ts";
import { renewHold } from "./hold.ts";
import { type Label, read } from "./label.ts";
import { queueOf, type Queue } from "./queues.ts";

/** A dead letter in our hands, hidden from everybody else while a look lasts. */
export interface Letter extends DeadLetter {
  /** Unix milliseconds. It died then or later. */
  readonly sentAt: number;
  readonly handle: string;
  readonly messageId: string;
  /** As it lies there. */
  readonly text: string;
  readonly attributes: Attributes;
  readonly label: Label | null;
}

/** SQS has no way to look at messages: they are taken, and put back. */
export interface DeadLetters {
  /**
   * Takes every letter, lets `work` have those of the query, newest first, and puts back all that `work` does not
   * name as gone. One look after the other; a look elsewhere at the same time sees only part of them. Rejects where SQS did not
   * put back all of them: the next look would not see those, and say nothing.
   */
  look<T>(query: DeadLetterQuery | null, work: (letters: readonly Letter[]) => Promise<Looked<T>>): Promise<T>;
}

export interface Looked<T> {
  readonly gone: ReadonlySet<Letter>;
  readonly value: T;
  /** What was done, for the error about letters that are not put back. */
  readonly did?: string;
}

/** Renewed while a look lasts. What a crash leaves hidden comes back after it. */
const HOLD_S = 30;
/** More than anybody reads; beyond it, what was received first is what is seen. */
const MOST_LETTERS = 10_000;

const WANTED: MessageSystemAttributeName[] = [
  MessageSystemAttributeName.SentTimestamp,
  MessageSystemAttributeName.DeadLetterQueueSourceArn,
];

export function createDeadLetters(
  send: Send,
  batches: Batches,
  dead: Queue,
  prefix: string,
  admit: Admit,
  holdS: number = HOLD_S,
): DeadLetters {
  let turn: Promise<unknown> = Promise.resolve();

  /** Into `held`, by message id: a letter whose hold ran out is received twice, and its newer handle is the good one. */
  async function takeAll(held: Map<string, Letter>): Promise<void> {
    while (held.size < MOST_LETTERS) {
      const command = new ReceiveMessageCommand({
        QueueUrl: dead.url,
        MaxNumberOfMessages: 10,
        // A look without a wait asks only some of SQS's servers.
        WaitTimeSeconds: 1,
        VisibilityTimeout: holdS,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: WANTED,
      });
      const { Messages = [] } = await send(command);
      const before = held.size;
      for (const message of Messages) {
        const letter = letterOf(message, prefix, admit);
        held.set(letter.messageId, letter);
      }
      if (held.size === before) break;
    }
  }

  async function putBack(letters: readonly Letter[], did: string): Promise<void> {
    const answers = await batches.hide(
      dead,
      letters.map(({ id, handle }) => ({ job: id, handle, seconds: 0 })),
    );
    const errors = answers.flatMap((answer) => (answer.ok ? [] : [answer.error]));
    const [first] = errors;
    if (first === undefined) return;
    const text = `${did}${errors.length} of the ${letters.length} dead letters looked at in "${dead.name}" were not put back: they are hidden from every look for up to ${holdS} s; look again after that, and allow sqs:ChangeMessageVisibility there (${first.message})`;
    throw new WaybillError("BACKEND_UNAVAILABLE", text, { cause: first });
  }

  async function looked<T>(
    query: DeadLetterQuery | null,
    work: (letters: readonly Letter[]) => Promise<Looked<T>>,
  ): Promise<T> {
    const held = new Map<string, Letter>();
    const all = (): Letter[] => [...held.values()].sort((one, other) => other.sentAt - one.sentAt);
    const hold = renewHold(batches, dead, holdS, () => all().map(({ id, handle }) => ({ job: id, handle })));
    let done = "";
    try {
      await takeAll(held).catch((thrown: unknown) => {
        throw sqsError(thrown, `looking into "${dead.name}"`);
      });
      const wanted =
        query === null
          ? all()
          : all()
              .filter(matches(query))
              .slice(0, query.limit ?? 100);
      const { gone, value, did } = await work(wanted);
      for (const { messageId } of gone) held.delete(messageId);
      if (did !== undefined) done = `${did}, but `;
      return value;
    } finally {
      await hold.end();
      await putBack(all(), done);
    }
  }

  return {
    look(query, work) {
      const mine = turn.then(() => looked(query, work));
      turn = mine.then(
        () => undefined,
        () => undefined,
      );
      return mine;
    },
  };
}

function matches({ queue, ids }: DeadLetterQuery): (letter: Letter) => boolean {
  const wanted = ids && new Set(ids);
  return (letter) => (queue === undefined || letter.queue === queue) && (wanted === undefined || wanted.has(letter.id));
}

/**
 * A letter without a code was moved by SQS itself, at a time that it does not tell: `SentTimestamp` is when the job was
 * sent. It names the queue it moved it from by `DeadLetterQueueSourceArn`, which copies of SQS leave out; then the envelope
 * says to which queue it belongs.
 */
function letterOf(message: SqsMessage, prefix: string, admit: Admit): Letter {
  const { Body: text = "", MessageAttributes: attributes = {}, Attributes: system = {}, MessageId = "" } = message;
  const values = textsOf(attributes);
  const { id, label, history, body, signature } = read(text, values);
  const sentAt = momentOf(system.SentTimestamp) ?? 0;
  const source = system.DeadLetterQueueSourceArn?.split(":").at(-1) ?? "";
  const code = values.get("waybill-code");
  const noted = values.get("waybill-queue") ?? queueOf(prefix, source);
  const judged = noted === null || (code === undefined && label === null) ? admit(body, signature) : null;
  const job = judged?.ok === true ? judged.message : null;
  const named = noted ?? job?.queue ?? "";
  const known = isQueueName(named);
  return {
    id: id ?? job?.id ?? MessageId,
    type: label?.type ?? job?.type ?? "",
    queue: known ? named : "",
    reason: code === undefined ? MOVED : { code, message: values.get("waybill-reason") ?? "" },
    attempt: history.attempt,
    diedAt: code === undefined ? null : sentAt,
    sentAt,
    body,
    ...(!known && { damage: `nothing says which queue of ours it belongs to (${shownQueue(named)})` }),
    handle: message.ReceiptHandle ?? "",
    messageId: MessageId,
    text,
    attributes,
    label,
  };
}

const shownQueue = (queue: string): string =>
  queue === "" ? "none is named" : `"waybill-queue" is ${JSON.stringify(queue.slice(0, 80))}`;

const MOVED = { code: "WORKER_LOST", message: "SQS gave it up after maxReceiveCount deliveries" } as const;
