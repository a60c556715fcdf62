import { sendReceipt } from "@shop/jobs";
import { connect, handlerFor } from "@waybill/core";

// The payload has the type of the shared definition.
const sendReceiptHere = handlerFor(sendReceipt, ({ orderId }, job) => {
  console.log(`receipt for ${orderId}, attempt ${job.attempt}`);
});

const jobs = await connect(process.env.WAYBILL_URL ?? "sqlite:../../waybill.db", { jobs: [sendReceiptHere] });
await jobs.worker({ jobs: [sendReceiptHere] }).run(); // until Ctrl-C or SIGTERM; running jobs may finish
