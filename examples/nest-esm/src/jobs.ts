import { defineJob } from "@waybill/core";
import { z } from "zod";

// The program that enqueues and the program that runs jobs share this file, and nothing else.
export const sendReceipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string() }),
});
