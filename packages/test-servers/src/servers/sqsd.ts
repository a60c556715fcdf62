import { Agent, type ClientRequest, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type SqsMessage, sqsCall } from "./sqs-call.ts";

/** Settings of Elastic Beanstalk's daemon, by its names. */
export interface SqsdOptions {
  /** The endpoint of SQS. */
  readonly endpoint: string;
  readonly queueUrl: string;
  /** The application, HttpPath included: "http://127.0.0.1:8080/work". */
  readonly postTo: string;
  /** Default "application/json". */
  readonly mimeType?: string;
  /** Default 50. */
  readonly httpConnections?: number;
  /** In ms. Default 299,000. */
  readonly inactivityTimeout?: number;
  /** In whole seconds, as SQS has it. Default 300. */
  readonly visibilityTimeout?: number;
  /** In whole seconds. Default 2. */
  readonly errorVisibilityTimeout?: number;
}

/** One POST and its result. */
export interface SqsdPost {
  readonly messageId: string;
  readonly receiveCount: number;
  /**
   * The status; "timeout": no response within InactivityTimeout; "closed": the application closed the connection without
   * a response; "failed": no connection, or a reset.
   */
  readonly result: number | "timeout" | "closed" | "failed";
}

export interface Sqsd {
  readonly posts: readonly SqsdPost[];
  /** POSTs that wait for a response now. */
  posting(): number;
  /** Does what its scheduler does at a time of cron.yaml: POSTs a message without a signature to the task's path. */
  tick(task: string, path: string, scheduledAt: string): Promise<void>;
  /** Stops receiving, and waits for the POSTs under way. */
  stop(): Promise<void>;
}

/**
 * A scripted stand-in for Elastic Beanstalk's daemon, by its documented rules: it receives from SQS and POSTs. Exactly 200
 * deletes the message. Any other response, and none, hides it for ErrorVisibilityTimeout. When the application closes the
 * connection, the message is POSTed again at once, still hidden. Visibility is never extended while the application works.
 * MaxRetries is the queue's own redrive policy.
 */
export function startSqsd(options: SqsdOptions): Sqsd {
  const { endpoint, queueUrl: QueueUrl, httpConnections = 50, errorVisibilityTimeout = 2 } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: httpConnections });
  const posts: SqsdPost[] = [];
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function receive(limit: number): Promise<readonly SqsMessage[]> {
    const { Messages = [] } = await sqsCall<{ Messages?: SqsMessage[] }>(endpoint, "ReceiveMessage", {
      QueueUrl,
      MaxNumberOfMessages: Math.min(limit, 10),
      VisibilityTimeout: options.visibilityTimeout ?? 300,
      AttributeNames: ["All"],
      MessageAttributeNames: ["All"],
    });
    return Messages;
  }

  async function deliver(message: SqsMessage): Promise<void> {
    const { MessageId: messageId, ReceiptHandle } = message;
    const receiveCount = Number(message.Attributes["ApproximateReceiveCount"]);
    let result: SqsdPost["result"] = "closed";
    while (result === "closed" && !stopping.signal.aborted) {
      result = await post(message, options, agent);
      posts.push({ messageId, receiveCount, result });
    }
    const handle = { QueueUrl, ReceiptHandle };
    if (result === 200) return void (await sqsCall(endpoint, "DeleteMessage", handle));
    const hidden = sqsCall(endpoint, "ChangeMessageVisibility", {
      ...handle,
      VisibilityTimeout: errorVisibilityTimeout,
    });
    // Of a message that has become visible and was received again meanwhile, SQS says that it cannot.
    await Promise.allSettled([hidden]);
  }

  async function poll(): Promise<void> {
    while (!stopping.signal.aborted) {
      const free = httpConnections - underWay.size;
      const messages = free > 0 ? await receive(free) : [];
      for (const message of messages) {
        const delivery: Promise<void> = deliver(message).finally(() => underWay.delete(delivery));
        underWay.add(delivery);
      }
      if (messages.length === 0) await Promise.race([sleep(20), ...(free > 0 ? [] : underWay)]);
    }
  }

  const polling = poll();
  return {
    posts,
    posting: () => underWay.size,
    async tick(task, path, scheduledAt) {
      const named = {
        "beanstalk.sqsd.task_name": task,
        "beanstalk.sqsd.path": path,
        "beanstalk.sqsd.scheduled_time": scheduledAt,
      };
      const entries = Object.entries(named).map(([name, value]) => [name, { DataType: "String", StringValue: value }]);
      const MessageAttributes = Object.fromEntries(entries) as object;
      await sqsCall(endpoint, "SendMessage", { QueueUrl, MessageBody: "a periodic task", MessageAttributes });
    },
    async stop() {
      stopping.abort();
      await polling;
      await Promise.all(underWay);
      agent.destroy();
    },
  };
}

function post(message: SqsMessage, options: SqsdOptions, agent: Agent): Promise<SqsdPost["result"]> {
  const { path, body, headers } = requestOf(message, options);
  const { hostname, port } = new URL(options.postTo);
  return new Promise((resolve) => {
    const sent: ClientRequest = request({ method: "POST", hostname, port, path, headers, agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", () => resolve("closed"));
    });
    sent.setTimeout(options.inactivityTimeout ?? 299_000, () => {
      resolve("timeout");
      sent.destroy();
    });
    sent.on("error", (error) => resolve(error.message === "socket hang up" ? "closed" : "failed"));
    sent.end(body);
  });
}

function requestOf({ MessageId, Attributes, MessageAttributes = {}, Body }: SqsMessage, options: SqsdOptions) {
  const headers: Record<string, string> = {
    "User-Agent": "aws-sqsd/3.0.4",
    "Content-Type": options.mimeType ?? "application/json",
    "X-Aws-Sqsd-Msgid": MessageId,
    "X-Aws-Sqsd-Queue": options.queueUrl.split("/").at(-1) ?? "",
    "X-Aws-Sqsd-Receive-Count": Attributes["ApproximateReceiveCount"] ?? "1",
    "X-Aws-Sqsd-First-Received-At": timeOf(Attributes["ApproximateFirstReceiveTimestamp"]),
    "X-Aws-Sqsd-Sent-At": timeOf(Attributes["SentTimestamp"]),
  };
  const own = (name: string): string | undefined => MessageAttributes[`beanstalk.sqsd.${name}`]?.StringValue;
  for (const [name, { DataType, StringValue }] of Object.entries(MessageAttributes)) {
    if (StringValue === undefined || DataType.startsWith("Binary") || name.startsWith("beanstalk.sqsd.")) continue;
    headers[`X-Aws-Sqsd-Attr-${name}`] = StringValue;
  }
  const task = own("task_name");
  const httpPath = new URL(options.postTo).pathname;
  if (task === undefined) return { path: httpPath, body: Body, headers };
  const path = own("path") ?? httpPath;
  const tick = {
    "X-Aws-Sqsd-Taskname": task,
    "X-Aws-Sqsd-Path": path,
    "X-Aws-Sqsd-Scheduled-At": own("scheduled_time") ?? "",
  };
  return { path, body: "", headers: { ...headers, ...tick } };
}

const timeOf = (ms: string | undefined): string => `${new Date(Number(ms)).toISOString().slice(0, 19)}Z`;
