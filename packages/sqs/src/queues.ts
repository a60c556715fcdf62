import { CreateQueueCommand, GetQueueAttributesCommand, GetQueueUrlCommand } from "@aws-sdk/client-sqs";
import { WaybillError } from "@waybill/core";
import { codeOf, isMissingQueue, sqsError } from "./errors.ts";
import { type FreshQueues, pause } from "./fresh-queues.ts";
import { invalid, type Settings } from "./options.ts";

/** A queue that was found and checked. */
export interface Queue {
  readonly name: string;
  readonly url: string;
  readonly arn: string;
  /** Of a message, attributes included. */
  readonly maxBytes: number;
  /** SQS deletes a message this long after it was sent, run or not. */
  readonly retentionMs: number;
  /** The queue into which SQS moves messages that are delivered too often; null: it moves none. */
  readonly redrivesTo: string | null;
  /** Of the queue. It holds back each message that does not say its own delay, and on a FIFO queue none may. */
  readonly delaySeconds: number;
}

export interface Queues {
  /** By waybill's name. Found, checked or made once; a failure is not remembered. */
  find(queue: string): Promise<Queue>;
  /** Where dead letters of all queues of the prefix are kept. */
  readonly dead: Queue;
  /** The dead-letter queue and those found so far, as they are now; an error where a queue is gone or unfit by now. */
  known(): Promise<[Queue | WaybillError, ...(Queue | WaybillError)[]]>;
  /** Messages in `dead`, approximately. */
  deadCount(): Promise<number>;
}

/** Fewer, and SQS itself would bury a job because of a few deploys or killed workers. */
const LEAST_RECEIVES = 100;
const MOST_RECEIVES = 1_000;
const FOURTEEN_DAYS_S = 1_209_600;

/** "mail.bulk" of the prefix "shop" is "shop-mail_bulk": SQS takes no dots, and waybill's names have no underscores. */
export function nameOf({ prefix, fifo }: Settings, queue: string): string {
  return withinLimit(`${prefix}-${queue.replaceAll(".", "_")}${fifo ? ".fifo" : ""}`);
}

/** The other way round; null for a queue of another prefix. */
export function queueOf(prefix: string, name: string): string | null {
  if (!name.startsWith(`${prefix}-`)) return null;
  return name
    .slice(prefix.length + 1)
    .replace(/\.fifo$/, "")
    .replaceAll("_", ".");
}

function withinLimit(name: string): string {
  if (name.length <= 80) return name;
  throw invalid(
    `the queue would be called "${name}" at SQS, ${name.length} characters of at most 80; shorten the prefix`,
  );
}

/** Finds the dead-letter queue and those of `settings.queues`; rejects CONFIG_INVALID for one that is missing or unfit. */
export async function openQueues(fresh: FreshQueues, settings: Settings): Promise<Queues> {
  const { send } = fresh;
  const { prefix, fifo } = settings;
  const dead: Queue = await findOrMake(withinLimit(`${prefix}_dead${fifo ? ".fifo" : ""}`), null);
  const found = new Map<string, Promise<Queue>>();

  async function findOrMake(name: string, target: Queue | null): Promise<Queue> {
    try {
      return await look(fresh, name);
    } catch (thrown) {
      if (!isMissingQueue(thrown)) throw sqsError(thrown, `looking for the queue "${name}"`, "open");
    }
    if (!settings.create) throw await missing(send, name);
    const Attributes = {
      MessageRetentionPeriod: String(FOURTEEN_DAYS_S),
      ...(fifo && { FifoQueue: "true", DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" }),
      ...(target !== null && {
        RedrivePolicy: JSON.stringify({ deadLetterTargetArn: target.arn, maxReceiveCount: MOST_RECEIVES }),
      }),
    };
    try {
      return await make(name, Attributes, target);
    } catch (thrown) {
      throw sqsError(thrown, `making the queue "${name}"`, "open");
    }
  }

  async function make(name: string, Attributes: Record<string, string>, target: Queue | null): Promise<Queue> {
    for (let tries = 0; ; tries += 1) {
      try {
        const { QueueUrl = "" } = await send(new CreateQueueCommand({ QueueName: name, Attributes }));
        fresh.add(name);
        fresh.add(QueueUrl);
        return await describe(fresh, name, QueueUrl);
      } catch (thrown) {
        // Somebody else made it in this moment, with attributes of their own.
        if (codeOf(thrown) === "QueueNameExists") return look(fresh, name);
        // A policy is refused while the dead-letter queue that it names is too new.
        const waits = target !== null && fresh.has(target.url) && codeOf(thrown).startsWith("InvalidParameterValue");
        if (!waits) throw thrown;
        await pause(tries);
      }
    }
  }

  const find = (queue: string): Promise<Queue> => {
    let known = found.get(queue);
    if (known === undefined) {
      known = findOrMake(nameOf(settings, queue), dead);
      found.set(queue, known);
      known.catch(() => found.delete(queue));
    }
    return known;
  };

  await Promise.all(settings.queues.map(find));
  return {
    find,
    dead,
    async known() {
      const now = (name: string): Promise<Queue | WaybillError> =>
        look(fresh, name).catch((thrown: unknown) => sqsError(thrown, `looking at "${name}"`));
      const others = [...found.keys()].map((queue) => now(nameOf(settings, queue)));
      return [await now(dead.name), ...(await Promise.all(others))];
    },
    async deadCount() {
      const AttributeNames = ["ApproximateNumberOfMessages" as const];
      const { Attributes } = await send(new GetQueueAttributesCommand({ QueueUrl: dead.url, AttributeNames }));
      return Number(Attributes?.ApproximateNumberOfMessages ?? 0);
    },
  };
}

async function look(fresh: FreshQueues, name: string): Promise<Queue> {
  const { QueueUrl = "" } = await fresh.send(new GetQueueUrlCommand({ QueueName: name }));
  fresh.add(QueueUrl);
  return describe(fresh, name, QueueUrl);
}

async function describe({ send }: FreshQueues, name: string, url: string): Promise<Queue> {
  // A user's client may return anything.
  if (typeof url !== "string" || url === "") {
    throw new WaybillError("BACKEND_UNAVAILABLE", `no URL came back for the queue "${name}"; is it SQS that answers?`);
  }
  const { Attributes = {} } = await send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }));
  const redrive = Attributes["RedrivePolicy"];
  if (redrive !== undefined) await checkRedrive(send, name, redrive);
  return {
    name,
    url,
    arn: Attributes["QueueArn"] ?? "",
    maxBytes: Number(Attributes["MaximumMessageSize"] ?? 1_048_576),
    redrivesTo: redrive === undefined ? null : targetOf(redrive).name,
    delaySeconds: Number(Attributes["DelaySeconds"] ?? 0),
    retentionMs: Number(Attributes["MessageRetentionPeriod"] ?? 345_600) * 1_000,
  };
}

/** SQS moves a message aside after `maxReceiveCount` deliveries, into a queue that need not exist. Neither may lose a job. */
async function checkRedrive(send: FreshQueues["send"], name: string, redrive: string): Promise<void> {
  const { account, name: target, maxReceiveCount } = targetOf(redrive);
  if (Number(maxReceiveCount) < LEAST_RECEIVES) {
    throw invalid(
      `the queue "${name}" gives a message up after ${maxReceiveCount} deliveries (maxReceiveCount of its RedrivePolicy), ` +
        `of which deploys and killed workers spend some; set at least ${LEAST_RECEIVES}, waybill counts attempts itself`,
    );
  }
  try {
    await send(new GetQueueUrlCommand({ QueueName: target, QueueOwnerAWSAccountId: account }));
  } catch (thrown) {
    if (!isMissingQueue(thrown)) throw thrown;
    const text = `the RedrivePolicy of "${name}" names a queue that does not exist, "${target}"; make it, or remove the policy`;
    throw new WaybillError("CONFIG_INVALID", text, { cause: thrown });
  }
}

function targetOf(redrive: string) {
  const { deadLetterTargetArn = "", maxReceiveCount } = JSON.parse(redrive) as {
    readonly deadLetterTargetArn?: string;
    readonly maxReceiveCount?: number | string;
  };
  const [account = "", name = ""] = deadLetterTargetArn.split(":").slice(4);
  return { account, name, maxReceiveCount };
}

/** Names the way out, and looks whether the queue is there as the other type. */
async function missing(send: FreshQueues["send"], name: string): Promise<WaybillError> {
  const isFifo = name.endsWith(".fifo");
  const other = isFifo ? name.slice(0, -".fifo".length) : `${name}.fifo`;
  const otherExists = await send(new GetQueueUrlCommand({ QueueName: other })).then(
    () => true,
    () => false,
  );
  const hint = otherExists
    ? `"${other}" is there, of the other type: ${isFifo ? "remove fifo=true" : "say fifo=true"}`
    : "make it, or let waybill make it: create=true";
  return invalid(`there is no queue "${name}" in this account and region; ${hint}`);
}
