import { createDashboard } from "@waybill/dashboard";
import { dashboardListener } from "@waybill/dashboard/node";
import type { FastifyPluginAsync } from "fastify";

/** The dashboard, below the prefix with which it is registered. */
export const dashboard: FastifyPluginAsync = async (app) => {
  const listener = dashboardListener(
    // "loopback" serves browsers on this machine alone. In production use basicAuth, or a function that reads your session.
    createDashboard({ connections: { main: app.jobs }, auth: "loopback", path: app.prefix }),
  );
  // This hook runs before Fastify parses a body, and the dashboard sends the response itself.
  app.addHook("onRequest", async (request, reply) => {
    reply.hijack();
    listener(request.raw, reply.raw);
  });
  app.all("/", () => undefined);
  app.all("/*", () => undefined);
};
