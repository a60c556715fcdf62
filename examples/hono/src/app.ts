import { isWaybillError, type Jobs } from "@waybill/core";
import { createDashboard } from "@waybill/dashboard";
import type { Receiver } from "@waybill/http";
import { Hono } from "hono";
import { sendReceipt } from "./jobs.ts";

/**
 * The application is a function from a request to a response, as are the receiver and the dashboard. `ending` aborts when the
 * process is about to end.
 */
export function createApp(jobs: Jobs, receiver: Receiver | undefined, ending: AbortSignal): Hono {
  const app = new Hono();

  app.post("/orders", async (c) => {
    try {
      // Once this resolves the job is stored: it runs, also if this process is killed now.
      const { id } = await jobs.enqueue(sendReceipt, await c.req.json());
      return c.json({ jobId: id }, 202);
    } catch (error) {
      // The body is the payload, so what is no JSON or does not match the job's schema is a mistake of the client.
      const isWrong = isWaybillError(error, "PAYLOAD_INVALID") || error instanceof SyntaxError;
      if (isWrong) return c.json({ error: error.message }, 400);
      throw error;
    }
  });

  // Other programs may push jobs to /work, if they have the keys. `c.req.raw` has the bytes that the signature covers.
  if (receiver) app.all("/work", (c) => receiver(c.req.raw));

  // "loopback" serves browsers on this machine alone. In production use basicAuth, or a function that reads your session.
  const dashboard = createDashboard({
    connections: { main: jobs },
    auth: "loopback",
    path: "/admin/jobs",
    signal: ending, // a page that is open has a stream, which would keep the server from closing
  });
  app.all("/admin/jobs/*", (c) => dashboard(c.req.raw)); // also matches /admin/jobs

  return app;
}
