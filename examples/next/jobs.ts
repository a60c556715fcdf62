import { defineJob } from "@waybill/core";
import { z } from "zod";

/** Next enqueues it, and runs it if it is pushed to `/work`; the worker runs it if it is pulled. */
export const sendReceipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string().min(1) }),
  timeout: "30s", // below the limit of the route, where jobs are pushed
  handler: ({ orderId }, job) => console.log(`receipt for ${orderId}, attempt ${job.attempt}`),
});
