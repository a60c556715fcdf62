import { defineJob } from "@waybill/core";
import { z } from "zod";

// Without handlers: whoever enqueues does not load what the handlers need. Deploy the worker before a program that enqueues a new type.
export const sendReceipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string().min(1) }),
  timeout: "30s",
});
