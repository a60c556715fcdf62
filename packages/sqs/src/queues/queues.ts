import { CreateQueueCommand, GetQueueAttributesCommand, GetQueueUrlCommand } from "@aws-sdk/client-sqs";
import { WaybillError } from "@waybill/core";
import { configInvalid, maskUrl } from "@waybill/core/backend";
import type { Send } from "../client/client.ts";
import { codeOf, isMissingQueue, sqsError } from "../errors.ts";
import type { Settings } from "../options.ts";
import { type NewQueues, pause } from "./new-queues.ts";

/** A queue that was found and checked. */
export interface Queue {
  readonly name: string;
  readonly url: string;
  readonly arn: string;
  /** The largest message, attributes included. */
  readonly maxBytes: number;
  /** SQS deletes a message this long after it was sent. */
  readonly retentionMs: number;
  /** The queue into which SQS moves messages that are delivered too often; null: none. */
  readonly redrivesTo: string | null;
  /** After so many deliveries; null: never. */
  readonly redrivesAfter: number | null;
  /** The delay of messages that have none of their own, as all on a FIFO queue. */
  readonly delaySeconds: number;
}

export interface Queues {
  /** Finds, checks or creates a queue by waybill's name for it, once. A failure is not remembered. */
  find(queue: string): Promise<Queue>;
  /** The dead-letter queue of all queues with the prefix. */
  readonly dead: Queue;
  /** Returns the dead-letter queue and the found queues as they are now; an error for one that is missing or unfit. */
  known(): Promise<[Queue | WaybillError, ...(Queue | WaybillError)[]]>;
  /** Returns the approximate number of messages in `dead`. */
  deadCount(): Promise<number>;
}

/** With fewer, a few deploys or killed workers make SQS dead-letter a job. */
const LEAST_RECEIVES = 100;
const MOST_RECEIVES = 1_000;
const FOURTEEN_DAYS_S = 1_209_600;

/** Returns the name at SQS, which allows no dots: "mail.bulk" of the prefix "shop" is "shop-mail_bulk". */
export const nameOf = ({ prefix, fifo }: Settings, queue: string): string =>
  withinLimit(`${prefix}-${queue.replaceAll(".", "_")}${fifo ? ".fifo" : ""}`);

/** Returns waybill's name for a queue at SQS; null for a queue of another prefix. */
export function queueOf(prefix: string, name: string): string | null {
  if (!name.startsWith(`${prefix}-`)) return null;
  return name
    .slice(prefix.length + 1)
    .replace(/\.fifo$/, "")
    .replaceAll("_", ".");
}

function withinLimit(name: string): string {
  if (name.length <= 80) return name;
  throw configInvalid(
    `the queue would be named "${name}" at SQS, which is ${name.length} characters of at most 80; use a shorter prefix`,
  );
}

/** Finds the dead-letter queue and those of `settings.queues`. Rejects CONFIG_INVALID for one that is missing or unfit. */
export async function openQueues(newQueues: NewQueues, settings: Settings): Promise<Queues> {
  const { send } = newQueues;
  const { prefix, fifo, endpoint } = settings;
  const at = endpoint === null ? "" : ` at ${maskUrl(endpoint)}`;
  const dead: Queue = await findOrCreate(withinLimit(`${prefix}_dead${fifo ? ".fifo" : ""}`), null);
  const found = new Map<string, Promise<Queue>>();

  async function findOrCreate(name: string, redrivesTo: Queue | null): Promise<Queue> {
    try {
      return await look(newQueues, name);
    } catch (thrown) {
      if (!isMissingQueue(thrown)) throw sqsError(thrown, `looking up the queue "${name}"${at}`, "open");
    }
    if (!settings.create) throw await missing(send, name);
    try {
      return await create(name, redrivesTo);
    } catch (thrown) {
      throw sqsError(thrown, `creating the queue "${name}"${at}`, "open");
    }
  }

  async function create(name: string, redrivesTo: Queue | null): Promise<Queue> {
    const Attributes = {
      MessageRetentionPeriod: String(FOURTEEN_DAYS_S),
      ...(fifo && { FifoQueue: "true", DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" }),
      ...(redrivesTo !== null && {
        RedrivePolicy: JSON.stringify({ deadLetterTargetArn: redrivesTo.arn, maxReceiveCount: MOST_RECEIVES }),
      }),
    };
    for (let tries = 0; ; tries += 1) {
      try {
        const { QueueUrl = "" } = await send(new CreateQueueCommand({ QueueName: name, Attributes }));
        newQueues.add(name);
        newQueues.add(QueueUrl);
        return await describe(send, name, QueueUrl);
      } catch (thrown) {
        const code = codeOf(thrown);
        // Another program created it at the same time, with other attributes.
        if (code === "QueueNameExists") return look(newQueues, name);
        // SQS refuses a RedrivePolicy while it does not know the dead-letter queue yet.
        const isTooNew =
          redrivesTo !== null && newQueues.has(redrivesTo.url) && code.startsWith("InvalidParameterValue");
        if (!isTooNew) throw thrown;
        await pause(tries);
      }
    }
  }

  const find = (queue: string): Promise<Queue> => {
    let known = found.get(queue);
    if (known === undefined) {
      known = findOrCreate(nameOf(settings, queue), dead);
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
        look(newQueues, name).catch((thrown: unknown) => sqsError(thrown, `looking up "${name}"`));
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

async function look(newQueues: NewQueues, name: string): Promise<Queue> {
  const { QueueUrl = "" } = await newQueues.send(new GetQueueUrlCommand({ QueueName: name }));
  newQueues.add(QueueUrl);
  return describe(newQueues.send, name, QueueUrl);
}

async function describe(send: Send, name: string, url: string): Promise<Queue> {
  // The user's client may return anything.
  if (typeof url !== "string" || url === "") {
    throw new WaybillError(
      "BACKEND_UNAVAILABLE",
      `no URL was returned for the queue "${name}"; check that SQS answers`,
    );
  }
  const { Attributes = {} } = await send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }));
  const policy = Attributes["RedrivePolicy"];
  return {
    name,
    url,
    arn: Attributes["QueueArn"] ?? "",
    maxBytes: Number(Attributes["MaximumMessageSize"] ?? 1_048_576),
    redrivesTo: policy === undefined ? null : await checkedRedrive(send, name, policy),
    redrivesAfter:
      policy === undefined ? null : Number((JSON.parse(policy) as { maxReceiveCount?: unknown }).maxReceiveCount),
    delaySeconds: Number(Attributes["DelaySeconds"] ?? 0),
    retentionMs: Number(Attributes["MessageRetentionPeriod"] ?? 345_600) * 1_000,
  };
}

/**
 * Returns the queue into which SQS moves a message after `maxReceiveCount` deliveries. Throws CONFIG_INVALID if that queue
 * does not exist, since messages would be lost, or if the count is so small that jobs end there by mistake.
 */
async function checkedRedrive(send: Send, name: string, policy: string): Promise<string> {
  const { deadLetterTargetArn = "", maxReceiveCount } = JSON.parse(policy) as {
    readonly deadLetterTargetArn?: string;
    readonly maxReceiveCount?: number | string;
  };
  const [account = "", target = ""] = deadLetterTargetArn.split(":").slice(4);
  if (Number(maxReceiveCount) < LEAST_RECEIVES) {
    throw configInvalid(
      `the queue "${name}" dead-letters a message after ${maxReceiveCount} deliveries (maxReceiveCount of its RedrivePolicy), and deploys and killed workers use some of them; set at least ${LEAST_RECEIVES}, since waybill counts attempts itself`,
    );
  }
  try {
    await send(new GetQueueUrlCommand({ QueueName: target, QueueOwnerAWSAccountId: account }));
  } catch (thrown) {
    if (!isMissingQueue(thrown)) throw thrown;
    throw configInvalid(
      `the RedrivePolicy of "${name}" names a queue that does not exist, "${target}"; create it, or remove the policy`,
      thrown,
    );
  }
  return target;
}

/** Returns the error of a missing queue, with what to do. Checks whether the queue exists with the other type. */
async function missing(send: Send, name: string): Promise<WaybillError> {
  const isFifo = name.endsWith(".fifo");
  const other = isFifo ? name.slice(0, -".fifo".length) : `${name}.fifo`;
  const otherExists = await send(new GetQueueUrlCommand({ QueueName: other })).then(
    () => true,
    () => false,
  );
  const remedy = otherExists
    ? `"${other}" exists, with the other type: ${isFifo ? "remove fifo=true" : "set fifo=true"}`
    : "create it, or set create=true";
  return configInvalid(`there is no queue "${name}" in this account and region; ${remedy}`);
}
