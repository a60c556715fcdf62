import { setTimeout as sleep } from "node:timers/promises";
import { http } from "@google-cloud/functions-framework";
import { createReceiver } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { sendReceipt } from "./jobs.js";

// The host removes the function's name from the path. The keys are those of the program that pushes. Cloud Tasks,
// Pub/Sub and QStash are carriers: createReceiver({ carriers: [cloudTasks({ … })], keepDead, … }).
const receiver = createReceiver({ path: "/", jobs: [sendReceipt], keys: process.env.WAYBILL_KEYS });
const listener = nodeListener(receiver);
let isFirst = true;
const open = new Set<unknown>();

http("work", (request, response) => {
  if (isFirst) finishJobsOnSigterm();
  isFirst = false;
  open.add(response);
  response.once("close", () => open.delete(response));
  listener(request, response);
});

/** Called by the first request: the framework adds its own listener after it has loaded this file. */
function finishJobsOnSigterm(): void {
  process.removeAllListeners("SIGTERM"); // the framework's responds to a running job with 500, which costs it an attempt
  process.once("SIGTERM", async () => {
    await receiver.stop({ reason: "SIGTERM", drain: "8s", abort: "1s" }); // Cloud Run kills the process after 10 s
    while (open.size > 0) await sleep(10); // until the responses are written
    process.exit(0);
  });
}
