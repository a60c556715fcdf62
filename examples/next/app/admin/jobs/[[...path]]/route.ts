import { basicAuth, createDashboard, type Dashboard } from "@waybill/dashboard";
import type { Jobs } from "@waybill/core";
import { jobs } from "@/waybill";

let dashboard: Dashboard | undefined;

async function show(request: Request): Promise<Response> {
  const main = await jobs();
  dashboard ??= open(main);
  return dashboard(request);
}

function open(main: Jobs): Dashboard {
  const ending = new AbortController();
  process.once("SIGTERM", () => ending.abort());
  return createDashboard({
    connections: { main },
    auth: basicAuth({ user: "ops", password: process.env.DASHBOARD_PASSWORD }), // or a function that reads your session
    path: "/admin/jobs", // where this folder is
    signal: ending.signal, // a page that is open has a stream, and Next waits for every response before it ends
  });
}

export { show as GET, show as POST };
