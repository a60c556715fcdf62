import process from "node:process";
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

const server = Deno.serve({ port: Number(PORT) }, (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/orders" && request.method === "POST") return placeOrder(request);
  if (pathname === "/work" && receiver) return receiver(request);
  if (pathname.startsWith("/admin/jobs")) return dashboard(request);
  return new Response(null, { status: 404 });
});

async function stop(signal: NodeJS.Signals): Promise<void> {
  await receiver?.stop({ reason: signal }); // pushed jobs that run may finish, and their responses are sent
  ending.abort();
  await server.shutdown();
  await jobs.close();
}
process.once("SIGTERM", stop).once("SIGINT", stop);
