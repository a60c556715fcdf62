import { connect, isWaybillError } from "@waybill/core";
import { createDashboard } from "@waybill/dashboard";
import { createReceiver } from "@waybill/http";
import { sendReceipt } from "./jobs.ts";

const { PORT = "3000", WAYBILL_URL = "sqlite:./waybill.db", WAYBILL_KEYS: keys } = process.env;

const jobs = await connect(WAYBILL_URL, { jobs: [sendReceipt], role: "web" });
const receiver = keys ? createReceiver({ jobs: [sendReceipt], keys, events: jobs.events }) : undefined;
const ending = new AbortController();
const dashboard = createDashboard({
  connections: { main: jobs },
  auth: "loopback", // browsers on this machine alone; in production use basicAuth, or a function that reads your session
  path: "/admin/jobs",
  signal: ending.signal, // a page that is open has a stream, which would keep the server from closing
});

async function placeOrder(request: Request): Promise<Response> {
  try {
    // Once this resolves the job is stored: it runs, also if this process is killed now.
    const { id } = await jobs.enqueue(sendReceipt, await request.json());
    return Response.json({ jobId: id }, { status: 202 });
  } catch (error) {
    const isWrong = isWaybillError(error, "PAYLOAD_INVALID") || error instanceof SyntaxError; // no JSON
    if (isWrong) return Response.json({ error: error.message }, { status: 400 });
    throw error;
  }
}

const server = Bun.serve({
  port: Number(PORT),
  idleTimeout: 0, // Bun closes a connection that is silent for 10 s: too early for pushed jobs and the streams of the dashboard
  routes: {
    "/orders": { POST: placeOrder },
    "/work": (request) => receiver?.(request) ?? new Response(null, { status: 404 }),
    "/admin/jobs": dashboard,
    "/admin/jobs/*": dashboard,
  },
});
console.log(`listening on ${server.url}`);

async function stop(signal: NodeJS.Signals): Promise<void> {
  await receiver?.stop({ reason: signal }); // pushed jobs that run may finish, and their responses are sent
  ending.abort();
  await server.stop();
  await jobs.close();
}
process.once("SIGTERM", stop).once("SIGINT", stop);
