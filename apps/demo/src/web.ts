import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "@waybill/core";
import { createDashboard } from "@waybill/dashboard";
import { dashboardListener } from "@waybill/dashboard/node";
import { demoFiles } from "./album.ts";
import { sweepTemporaryFiles } from "./durable-file.ts";
import { definitions } from "./jobs.ts";
import { exitWithParent } from "./parent.ts";
import { readSettings } from "./settings.ts";
import type { StageView } from "./stage.ts";
import { createAlbums } from "./web/albums.ts";
import { createApp, DASHBOARD } from "./web/app.ts";
import { conclude } from "./web/conclude.ts";
import { retryJob } from "./web/retry.ts";
import { openState } from "./web/state.ts";

// The web process: receives photos, enqueues jobs and shows their progress, which workers post to it. It runs no job
// and loads no handler, unless `WAYBILL_KEYS` is set: then jobs can be pushed to it.

const settings = readSettings();
const files = demoFiles(settings.folder);
await sweepTemporaryFiles(files.temporary);
const jobs = await connect(settings.backendUrl, { jobs: definitions, role: "web", ...settings.kept });
const notifyLauncher = process.send?.bind(process) ?? null;
const { board, live, record, report, workerExited, tick, close } = await openState(files);
const parts = { jobs, files, board, record };
const albums = createAlbums(parts);

const receiver =
  settings.keys === null
    ? null
    : (await import("./web/receive.ts")).receiveJobs({ ...parts, mailbox: settings.mailbox, keys: settings.keys });
const dashboard = createDashboard({ connections: { main: jobs }, auth: "loopback", path: DASHBOARD });
const app = createApp({
  receiver,
  dashboard: dashboardListener(dashboard),
  files,
  board,
  albums,
  live,
  retry: (id) => retryJob(parts, id),
  report,
  onWish: notifyLauncher && ((wish) => notifyLauncher({ wish })),
});
// Closes connections whose request headers do not arrive in time.
const server = createServer({ headersTimeout: 10_000, connectionsCheckingInterval: 5_000 }, app);
server.maxConnections = 500;
const port = await listen(server, settings.port);
boot();
notifyLauncher?.({ kind: "listening", port });

// From the launcher.
process.on("message", (message: { workerExited?: number; stage?: StageView }) => {
  if (message.workerExited !== undefined) workerExited(message.workerExited);
  if (message.stage !== undefined) live.changed({ stage: { ...message.stage, url: jobs.backend.address } });
});
exitWithParent();
const timer = setInterval(tidy, 1_000);
let isTidying = false;
tidy();
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

/** Handles unsubmitted photos, workers that stopped posting, and jobs whose end was not reported. */
function tidy(): void {
  tick();
  if (isTidying) return;
  isTidying = true;
  const work = async (): Promise<void> => {
    await albums.catchUp();
    await record(await conclude(parts, Date.now()));
  };
  work()
    .catch((error: unknown) => console.error(error))
    .finally(() => (isTidying = false));
}

async function stop(): Promise<void> {
  clearInterval(timer);
  live.close();
  // Pushed jobs end first, and their responses are sent.
  await receiver?.stop();
  server.close(() => void Promise.all([jobs.close(), close()]));
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), 2_000).unref();
}

/** Logs the role, backend and port of this process; core logs the line of the worker. */
function boot(): void {
  const { NODE_ENV: env = "development" } = process.env;
  const queues = [...new Set(definitions.map((definition) => definition.queue))];
  const line = { event: "booted", role: "web", env, backend: jobs.backend.address, queues, pid: process.pid, port };
  console.log(JSON.stringify({ at: new Date().toISOString(), ...line }));
}

/** Listens on the requested port, or on the first free one from 3000. Returns the port. */
async function listen(on: Server, requested: number | null): Promise<number> {
  for (let candidate = requested ?? 3_000; ; candidate += 1) {
    const failure = await tryListen(on, candidate);
    if (failure === null) return (on.address() as AddressInfo).port;
    if (failure.code !== "EADDRINUSE" || candidate > 3_100) throw failure;
    if (requested !== null)
      throw new Error(`port ${requested} is in use: set PORT to another, or omit it for a free one`);
  }
}

function tryListen(on: Server, candidate: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    on.once("error", resolve);
    on.listen(candidate, "127.0.0.1", () => {
      on.off("error", resolve);
      resolve(null);
    });
  });
}
