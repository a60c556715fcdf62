/**
 * What the recipes of docs/push.md import from the reader's own file, `jobs.js` or `jobs.ts`: the handler does what the
 * payload says, and logs to stdout. Apart from the tests, so that the packed suite can build it into an application of Next.
 */
export const jobsOfRecipes = `
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob } from "@waybill/core";
import { z } from "zod";
export const sendReceipt = defineJob({
  type: "receipt.send",
  payload: z.object({ what: z.string().optional(), orderId: z.string().optional() }),
  async handler({ what }, { signal }) {
    console.log("began " + what);
    if (what === "slow") await sleep(1_000);
    if (what === "forever") await sleep(20_000, null, { signal }).catch(() => console.log("aborted forever"));
    signal.throwIfAborted();
    console.log("ended " + what);
  },
});
`;
