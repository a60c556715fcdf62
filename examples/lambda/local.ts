// Runs both functions on this machine, as Lambda does: `npm start`, beside `npx fauxqs`.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { DeleteMessageCommand, GetQueueUrlCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse } from "aws-lambda";

const { PORT = "3000", SQS_ENDPOINT = "http://127.0.0.1:4566" } = process.env;
process.env.WAYBILL_URL ??= `sqs://us-east-1/shop?endpoint=${encodeURIComponent(SQS_ENDPOINT)}&queues=default`;
process.env.AWS_ACCESS_KEY_ID ??= "local";
process.env.AWS_SECRET_ACCESS_KEY ??= "local";

const require = createRequire(import.meta.url);
const api = require("./dist/api.cjs") as { handler(event: unknown): Promise<{ statusCode: number; body: string }> };
const worker = require("./dist/worker.cjs") as { handler(event: unknown, context: unknown): Promise<SQSBatchResponse> };

// The function URL.
const server = createServer(async (request, response) => {
  const { statusCode, body } = await api.handler({ body: await text(request) });
  response.writeHead(statusCode).end(body);
}).listen(Number(PORT), () => console.log(`listening on http://localhost:${PORT}`));

// The trigger: receives a batch, calls the function, deletes what it does not report as failed.
const sqs = new SQSClient({ region: "us-east-1", endpoint: SQS_ENDPOINT });
const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopping.abort());
stopping.signal.addEventListener("abort", () => server.close());

while (!stopping.signal.aborted) {
  const found = await sqs.send(new GetQueueUrlCommand({ QueueName: "shop-default" })).catch(() => null);
  if (found === null) await new Promise((resolve) => setTimeout(resolve, 200)); // the first job creates the queue
  else await poll(found.QueueUrl);
}

async function poll(QueueUrl: string | undefined): Promise<void> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 1,
      MessageSystemAttributeNames: ["All"],
      MessageAttributeNames: ["All"],
    }),
  );
  if (Messages.length === 0) return;
  const Records = Messages.map((message) => ({
    messageId: message.MessageId,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, { StringValue }]) => [
        name,
        { stringValue: StringValue },
      ]),
    ),
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:shop-default",
  }));
  const frozenAt = Date.now() + 60_000;
  const context = { awsRequestId: "local", getRemainingTimeInMillis: () => frozenAt - Date.now() };
  const { batchItemFailures } = await worker.handler({ Records }, context);
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  for (const { MessageId = "", ReceiptHandle } of Messages) {
    if (failed.has(MessageId)) console.log(`${MessageId} failed; SQS delivers it again`);
    else await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  }
}
