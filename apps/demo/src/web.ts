import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "@waybill/core";
import { demoFiles } from "./album.ts";
import { sweepTemporaryFiles } from "./durable-file.ts";
import { definitions } from "./jobs.ts";
import { exitWithParent } from "./parent.ts";
import { readSettings } from "./settings.ts";
import { createAlbums } from "./web/albums.ts";
import { createApp } from "./web/app.ts";
import { conclude } from "./web/conclude.ts";
import { retryJob } from "./web/retry.ts";
import { openState } from "./web/state.ts";

// The web process: takes photos, enqueues jobs and shows what becomes of them; all it knows of the worker is what the
// worker posts. It runs no job, and loads no handler, unless there are keys by which others may push jobs to it.

const settings = readSettings();
const files = demoFiles(settings.folder);
await sweepTemporaryFiles(files.temporary);
const jobs = await connect(settings.backendUrl, { jobs: definitions, role: "web" });
const tell = process.send?.bind(process) ?? null;
const { board, live, record, report, workerExited, tick, close } = await openState(files, tell !== null);
const parts = { jobs, files, board, record };
const albums = createAlbums(parts);

const receiver =
  settings.keys === null
    ? null
    : (await import("./web/receive.ts")).receiveJobs({ ...parts, mailbox: settings.mailbox, keys: settings.keys });
const app = createApp({
  receiver,
  files,
  board,
  albums,
  live,
  retry: (id) => retryJob(parts, id),
  report,
  killWorker: tell && (() => tell({ kind: "kill-worker" })),
});
// Whoever connects and says nothing does not stay for long.
const server = createServer({ headersTimeout: 10_000, connectionsCheckingInterval: 5_000 }, app);
server.maxConnections = 500;
const port = await listen(server, settings.port);
boot();
tell?.({ kind: "listening", port });

process.on("message", (message: unknown) => {
  const isExit = typeof message === "object" && message !== null && "workerExited" in message;
  if (isExit && typeof message.workerExited === "number") workerExited(message.workerExited);
});
exitWithParent();
const chores = setInterval(tidy, 1_000);
let isTidying = false;
tidy();
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

/** What time and crashes leave to do: unsubmitted photos, silent workers, jobs whose end nobody announced. */
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
  clearInterval(chores);
  live.close();
  // What was pushed to us ends first, and is answered.
  await receiver?.stop();
  server.close(() => void Promise.all([jobs.close(), close()]));
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), 2_000).unref();
}

/** The line by which an operator knows what runs where; the worker's comes from core. */
function boot(): void {
  const { NODE_ENV: env = "development" } = process.env;
  const queues = [...new Set(definitions.map((definition) => definition.queue))];
  const line = { event: "booted", role: "web", env, backend: jobs.backend.address, queues, pid: process.pid, port };
  console.log(JSON.stringify({ at: new Date().toISOString(), ...line }));
}

/** Answers the port: the one asked for, or the first free one from 3000. */
async function listen(on: Server, asked: number | null): Promise<number> {
  for (let candidate = asked ?? 3_000; ; candidate += 1) {
    const failure = await tryListen(on, candidate);
    if (failure === null) return (on.address() as AddressInfo).port;
    if (failure.code !== "EADDRINUSE" || candidate > 3_100) throw failure;
    if (asked !== null) throw new Error(`port ${asked} is taken: set PORT to another, or leave it out for a free one`);
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
