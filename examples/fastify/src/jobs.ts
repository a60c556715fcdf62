import { defineJob } from "@waybill/core";
import { z } from "zod";

export const sendReceipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string() }),
  timeout: "30s",
  // Replace it by a call to your mail service. If that throws, the job runs again later, with the same `job.id`.
  handler: ({ orderId }, job) => console.log(`receipt for ${orderId}, attempt ${job.attempt}`),
});
