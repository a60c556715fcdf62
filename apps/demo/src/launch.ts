import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { errorMessage } from "@waybill/core";
import { demoFiles } from "./album.ts";
import { lockFolder } from "./launch/folder-lock.ts";
import { tally } from "./launch/count.ts";
import { type Demo, type DemoOptions, startDemo } from "./launch/demo.ts";
import { photosIn, untilSettled, upload } from "./launch/once.ts";
import { openStage } from "./launch/stage.ts";
import { defaultFolder, readSettings, type Settings } from "./settings.ts";
import type { RunBy } from "./stage.ts";

const HELP = `The waybill demo: photos in, thumbnails out, and nothing is lost when the worker dies.

  npm run demo                  start web and worker, print the address of the page
  npm run demo -- --push        the same without a worker: jobs are pushed over HTTP to the web process, which runs them
  npm run demo -- --once DIR    process the photos of a folder without a browser; the last line is
                                {"enqueued":…,"completed":…,"dead":…}, the exit code 0 only if nothing is missing

  PORT         port of the page (default: a free one from 3000)
  WAYBILL_URL  the backend (default: an SQLite file in the data folder)
  DEMO_REDIS_URL, DEMO_POSTGRES_URL, DEMO_RABBITMQ_URL, DEMO_SQS_URL
               servers that the page can switch to (default: one on the usual port, or one that the demo starts)
  DEMO_DATA    the data folder (default: apps/demo/data; with --once: apps/demo/data/once)
  WAYBILL_KEYS secrets (whsec_…) that sign jobs pushed to the web process (default with --push: one made for this run)
  SMTP_URL     a mail server (default: letters are written to the outbox on the page)
  MAIL_TO      recipient of the mail (default: you@example.com)`;

// The launcher: starts web and worker, restarts a process that dies, forwards signals. It handles no job itself.
// A service of yours needs none of it: its platform starts both processes, and the environment has one URL.
// The files of all processes (photos, letters, logs) can be read by this user only.
process.umask(0o077);

try {
  process.exitCode = await main();
} catch (error) {
  console.error(errorMessage(error));
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { once: { type: "string" }, push: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const settings = readSettings();
  const by = values.push ? "pusher" : "worker";
  if (values.once === undefined) return watch(settings, by);
  return runOnce(onceSettings(settings), by, resolve(values.once));
}

/** Runs until a signal comes. */
async function watch(settings: Settings, by: RunBy): Promise<number> {
  const { demo, failed, release } = await open(
    settings,
    (line) => console.log(line),
    (options) => openStage(settings, by, options),
  );
  console.log(
    `\n  Open ${demo.address}\n  Dashboard ${demo.address}/dashboard\n\n  Data and logs: ${settings.folder}\n  Ctrl-C stops both processes.\n`,
  );
  const ended = await Promise.race([untilSignal(demo), failed]);
  await demo.stop();
  await release();
  if (ended) throw ended;
  return 0;
}

/** Processes one folder, stops both processes, and counts the results on disk. */
async function runOnce(settings: Settings, by: RunBy, folder: string): Promise<number> {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new Error(`--once ${folder}: there is no such folder`);
  const say = (line: string): void => console.error(line);
  const photos = await photosIn(folder);
  const { demo, failed, release } = await open(settings, say, (options) => startDemo(settings, by, options));
  const run = async (): Promise<string> => {
    const { albumId, refused } = await upload(demo.address, folder, photos, basename(folder));
    for (const { name, reason } of refused) say(`"${name}" ${reason}`);
    await untilSettled(demo.address, albumId, say);
    return albumId;
  };
  const ended = await Promise.race([run(), failed, untilSignal(demo).then(() => new Error("stopped by a signal"))]);
  await demo.stop();
  await release();
  if (ended instanceof Error) throw ended;
  const count = await tally(demoFiles(settings.folder), ended);
  say(`results: ${join(demoFiles(settings.folder).albums, ended)}`);
  console.log(JSON.stringify({ ...count, photos: photos.length, album: ended }));
  // Three sizes of each photo, the contact sheet and the mail. Fewer accepted ids are a failure too.
  const isIncomplete = count.enqueued !== photos.length * 3 + 2 || count.completed !== count.enqueued || count.dead > 0;
  return isIncomplete ? 1 : 0;
}

/** Uses a separate data folder and any free port, so that a demo that runs at the same time is not disturbed. */
function onceSettings(settings: Settings): Settings {
  if (process.env["DEMO_DATA"]) return { ...settings, port: settings.port ?? 0 };
  const folder = join(defaultFolder, "once");
  const backendUrl = process.env["WAYBILL_URL"] || `sqlite:${join(folder, "waybill.db")}`;
  return { ...settings, folder, backendUrl, port: settings.port ?? 0 };
}

async function open(settings: Settings, say: (line: string) => void, start: (options: DemoOptions) => Promise<Demo>) {
  const lock = await lockFolder(settings.folder);
  let onFailure: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((settle) => {
    onFailure = settle;
  });
  try {
    const demo = await start({ say, onFailure });
    return { demo, failed, release: lock.release };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Resolves at the first signal. A second one calls `stop` again, which forwards it; a third one kills the processes. */
function untilSignal(demo: Demo): Promise<null> {
  let count = 0;
  return new Promise((settle) => {
    const heard = (): void => {
      count += 1;
      if (count === 1) settle(null);
      else if (count === 2) void demo.stop();
      else {
        demo.destroy();
        process.exit(1);
      }
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, heard);
  });
}
