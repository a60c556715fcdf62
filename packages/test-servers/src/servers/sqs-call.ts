/** Makes one call in SQS's JSON protocol, to an emulator that checks no credentials. Rejects with the message of SQS. */
export async function sqsCall<Output>(endpoint: string, action: string, input: object): Promise<Output> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` },
    body: JSON.stringify(input),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`SQS ${action}: ${response.status} ${text}`);
  return JSON.parse(text === "" ? "{}" : text) as Output;
}

export type SqsAttributes = Readonly<Record<string, { readonly DataType: string; readonly StringValue?: string }>>;

/** As ReceiveMessage has it. */
export interface SqsMessage {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly Attributes: Readonly<Record<string, string>>;
  readonly MessageAttributes?: SqsAttributes;
}

/** A queue with a dead-letter queue behind it. */
export interface SqsQueue {
  readonly url: string;
  send(body: string, attributes?: Readonly<Record<string, string>>): Promise<void>;
  /** How many messages it has, hidden ones included. */
  count(): Promise<number>;
  /** How many messages were received too often. */
  deadCount(): Promise<number>;
}

/** Makes a queue and its dead-letter queue. `maxRetries`: receives after which a message is dead, the daemon's MaxRetries. */
export async function makeSqsQueue(endpoint: string, name: string, maxRetries: number): Promise<SqsQueue> {
  const make = async (QueueName: string, Attributes: Readonly<Record<string, string>>): Promise<string> =>
    (await sqsCall<{ QueueUrl: string }>(endpoint, "CreateQueue", { QueueName, Attributes })).QueueUrl;
  const attributesOf = async (QueueUrl: string): Promise<Readonly<Record<string, string>>> =>
    (
      await sqsCall<{ Attributes: Record<string, string> }>(endpoint, "GetQueueAttributes", {
        QueueUrl,
        AttributeNames: ["All"],
      })
    ).Attributes;
  const count = async (url: string): Promise<number> => {
    const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: hidden } =
      await attributesOf(url);
    return Number(waiting) + Number(hidden);
  };
  const dead = await make(`${name}-dead`, {});
  const { QueueArn } = await attributesOf(dead);
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: QueueArn, maxReceiveCount: maxRetries });
  const url = await make(name, { RedrivePolicy });
  return {
    url,
    async send(body, attributes = {}) {
      const named = Object.entries(attributes).map(([key, value]) => [key, { DataType: "String", StringValue: value }]);
      await sqsCall(endpoint, "SendMessage", {
        QueueUrl: url,
        MessageBody: body,
        MessageAttributes: Object.fromEntries(named),
      });
    },
    count: () => count(url),
    deadCount: () => count(dead),
  };
}
