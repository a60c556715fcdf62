import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { sendReceipt } from "@shop/jobs";
import { connectProducer, isWaybillError } from "@waybill/core";

const { PORT = "3000", WAYBILL_URL = "sqlite:../../waybill.db" } = process.env;

// A producer enqueues and does nothing else.
const jobs = await connectProducer(WAYBILL_URL, { jobs: [sendReceipt] });

const server = createServer(async (request, response) => {
  try {
    // The type of the payload is that of the shared definition; what a client sends is checked by its schema.
    const { id } = await jobs.enqueue(sendReceipt, (await json(request)) as { orderId: string });
    response.writeHead(202, { "content-type": "application/json" }).end(JSON.stringify({ jobId: id }));
  } catch (error) {
    const isWrong = isWaybillError(error, "PAYLOAD_INVALID") || error instanceof SyntaxError;
    response.writeHead(isWrong ? 400 : 500).end(isWrong ? error.message : "");
    if (!isWrong) console.error(error);
  }
}).listen(Number(PORT), () => console.log(`listening on http://localhost:${PORT}`));

const stop = (): void => void server.close(() => jobs.close());
process.once("SIGTERM", stop).once("SIGINT", stop);
