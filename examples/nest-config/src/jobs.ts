import { defineJob } from "@waybill/core";
import { z } from "zod";

export const buildReport = defineJob({ type: "report.build", payload: z.object({}) });

export const reindexProduct = defineJob({
  type: "product.reindex",
  payload: z.object({ productId: z.string() }),
  // While a job of a product waits, a second one is dropped. Once it has started, the next may wait:
  // a change that it has not seen any more is indexed as well.
  unique: { by: ({ productId }) => productId, until: "start", onConflict: "ignore" },
});
