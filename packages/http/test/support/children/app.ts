// An application with a receiver, in a process of its own: `app.ts PORT SECRET RECORD CONCURRENCY RUN_MS`. Appends a
// line to RECORD when a job starts and when it ends, sends its parent its memory on request, and shuts down on SIGTERM.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob } from "@waybill/core";
import { createReceiver, sqsd } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";

const [port = "0", secret = "", record = "", concurrency = "5", runMs = "0"] = process.argv.slice(2);
let running = 0;
const work = defineJob({
  type: "work",
  timeout: "10s",
  async handler(_, job) {
    appendFileSync(record, `start ${job.id} ${(running += 1)}\n`);
    await sleep(Number(runMs));
    running -= 1;
    appendFileSync(record, `end ${job.id}\n`);
  },
});
const receiver = createReceiver({
  jobs: [work],
  keys: secret,
  carriers: [sqsd({ keys: secret, httpConnections: 20 })],
  concurrency: Number(concurrency),
  bodyTimeout: 200,
  log: "off",
});
const server = createServer(nodeListener(receiver));
server.listen(Number(port), "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : null });
});
process.on("message", () => {
  globalThis.gc?.();
  process.send?.({ rss: process.memoryUsage.rss(), heap: process.memoryUsage().heapUsed });
});
process.once("SIGTERM", () => void end());

/** The receiver first: it answers what comes meanwhile. */
async function end(): Promise<void> {
  await receiver.stop();
  server.close();
  server.closeIdleConnections();
  process.disconnect();
}
