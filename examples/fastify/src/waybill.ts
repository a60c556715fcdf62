import { connect, type Jobs } from "@waybill/core";
import fp from "fastify-plugin";
import { sendReceipt } from "./jobs.ts";

declare module "fastify" {
  interface FastifyInstance {
    jobs: Jobs;
  }
}

/** Adds `app.jobs`, and runs the jobs in this process. `fp` makes the decoration visible outside of this plugin. */
export const waybill = fp(async (app, { url }: { url: string }) => {
  const jobs = await connect(url, { jobs: [sendReceipt], log: (line) => app.log[line.level](line) });
  app.decorate("jobs", jobs);
  const worker = jobs.worker({ jobs: [sendReceipt] });
  app.addHook("onReady", () => worker.start());
  // Runs once no request is open any more. Running jobs may finish, the rest is released; then the connection is closed.
  app.addHook("onClose", () => jobs.close());
});
