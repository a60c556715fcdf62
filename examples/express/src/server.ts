import { connect, isWaybillError } from "@waybill/core";
import { createDashboard } from "@waybill/dashboard";
import { dashboardListener } from "@waybill/dashboard/node";
import { waybill } from "@waybill/express";
import { createReceiver } from "@waybill/http";
import express, { type ErrorRequestHandler } from "express";
import { sendReceipt } from "./jobs.ts";

const { PORT = "3000", WAYBILL_URL = "sqlite:./waybill.db", WAYBILL_KEYS } = process.env;

const jobs = await connect(WAYBILL_URL, { jobs: [sendReceipt], role: "web" }); // one connection for the whole process
const app = express();

// Other programs may push jobs to /work, if they have the keys. Before body parsers: a signature covers the bytes as they were sent.
const receiver = WAYBILL_KEYS && createReceiver({ jobs: [sendReceipt], keys: WAYBILL_KEYS, events: jobs.events });
if (receiver) app.use("/work", waybill(receiver));

// "loopback" serves browsers on this machine alone. In production use basicAuth, or a function that reads your session.
const dashboard = createDashboard({ connections: { main: jobs }, auth: "loopback", path: "/admin/jobs" });
app.use("/admin/jobs", dashboardListener(dashboard));

app.use(express.json());
app.post("/orders", async (request, response) => {
  // Once this resolves the job is stored: it runs, also if this process is killed now.
  const { id } = await jobs.enqueue(sendReceipt, request.body);
  response.status(202).json({ jobId: id });
});

const onError: ErrorRequestHandler = (error, _request, response, next) => {
  // The body of the request is the payload, so what does not match the job's schema is a mistake of the client.
  if (!isWaybillError(error, "PAYLOAD_INVALID")) return next(error);
  response.status(400).json({ error: error.message });
};
app.use(onError);

const server = app.listen(Number(PORT), (error) => {
  if (error) throw error;
  console.log(`listening on http://localhost:${PORT}, dashboard at /admin/jobs`);
});

async function stop(signal: NodeJS.Signals): Promise<void> {
  if (receiver) await receiver.stop({ reason: signal }); // pushed jobs that run may finish, and their responses are sent
  server.close(() => jobs.close()); // then the requests, then the connection that they use
}
process.once("SIGTERM", stop).once("SIGINT", stop);
