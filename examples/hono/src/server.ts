import { serve } from "@hono/node-server";
import { connect } from "@waybill/core";
import { createReceiver } from "@waybill/http";
import { createApp } from "./app.ts";
import { sendReceipt } from "./jobs.ts";

const { PORT = "3000", WAYBILL_URL = "sqlite:./waybill.db", WAYBILL_KEYS: keys } = process.env;

const jobs = await connect(WAYBILL_URL, { jobs: [sendReceipt], role: "web" });
const receiver = keys ? createReceiver({ jobs: [sendReceipt], keys, events: jobs.events }) : undefined;
const ending = new AbortController();
const { fetch } = createApp(jobs, receiver, ending.signal);
const server = serve({ fetch, port: Number(PORT) }, () =>
  console.log(`listening on http://localhost:${PORT}, dashboard at /admin/jobs`),
);

async function stop(signal: NodeJS.Signals): Promise<void> {
  await receiver?.stop({ reason: signal }); // pushed jobs that run may finish, and their responses are sent
  ending.abort();
  server.close(() => jobs.close()); // then the requests, then the connection that they use
}
process.once("SIGTERM", stop).once("SIGINT", stop);
