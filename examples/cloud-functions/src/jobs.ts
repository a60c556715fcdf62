import { defineJob } from "@waybill/core";
import { z } from "zod";

/** Any program enqueues it, in any queue; `waybill push` or Cloud Tasks sends it here. */
export const sendReceipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string().min(1) }),
  timeout: "30s", // below the timeout of the function
  // Replace it by a call to your mail service. If that throws, the job runs again later, with the same `job.id`.
  handler: ({ orderId }, job) => console.log(`receipt for ${orderId}, attempt ${job.attempt}`),
});
