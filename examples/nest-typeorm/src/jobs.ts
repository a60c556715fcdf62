import { defineJob } from "@waybill/core";
import { z } from "zod";

export const sendReceipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string() }),
});
