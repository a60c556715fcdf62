import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { errorMessage } from "@waybill/core";
import { demoFiles } from "./album.ts";
import { claimFolder } from "./launch/claim.ts";
import { tally } from "./launch/count.ts";
import { type Demo, startDemo } from "./launch/demo.ts";
import { photosIn, untilSettled, upload } from "./launch/once.ts";
import { defaultFolder, readSettings, type Settings } from "./settings.ts";

const HELP = `The waybill demo: photos in, thumbnails out, and nothing is lost when the worker dies.

  npm run demo                  start web and worker, print the address of the page
  npm run demo -- --push        the same without a worker: jobs are pushed over HTTP to the web process, which runs them
  npm run demo -- --once DIR    run the photos of a folder through both, without a browser; the last line is
                                {"enqueued":…,"completed":…,"dead":…}, the exit code 0 only if nothing is missing

  PORT         port of the page (default: a free one from 3000)
  WAYBILL_URL  where the jobs wait (default: an SQLite file in the data folder)
  DEMO_DATA    the data folder (default: apps/demo/data; with --once: apps/demo/data/once)
  WAYBILL_KEYS secrets (whsec_…) of who may push jobs to the web process (default with --push: one made for this run)
  SMTP_URL     a mail server (default: letters go to the outbox on the page)
  MAIL_TO      who gets the mail (default: you@example.com)`;

// The launcher: starts web and worker, starts a dead one again, passes signals on. It handles no job itself.
// What they write (photos, letters, logs) is for whoever started them.
process.umask(0o077);

try {
  process.exitCode = await main();
} catch (error) {
  console.error(errorMessage(error));
  process.exitCode = 1;
}

type TakesJobs = Parameters<typeof startDemo>[1];

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

/** Until a signal comes. */
async function watch(settings: Settings, by: TakesJobs): Promise<number> {
  const { demo, hopeless, release } = await open(settings, by, (line) => console.log(line));
  console.log(`\n  Open ${demo.address}\n\n  Data and logs: ${settings.folder}\n  Ctrl-C stops both processes.\n`);
  const ended = await Promise.race([untilSignal(demo), hopeless]);
  await demo.stop();
  await release();
  if (ended) throw ended;
  return 0;
}

/** One folder, counted from what is on disk once both processes are gone. */
async function runOnce(settings: Settings, by: TakesJobs, folder: string): Promise<number> {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new Error(`--once ${folder}: there is no such folder`);
  const say = (line: string): void => console.error(line);
  const photos = await photosIn(folder);
  const { demo, hopeless, release } = await open(settings, by, say);
  const run = async (): Promise<string> => {
    const { albumId, refused } = await upload(demo.address, folder, photos, basename(folder));
    for (const { name, reason } of refused) say(`"${name}" ${reason}`);
    await untilSettled(demo.address, albumId, say);
    return albumId;
  };
  const ended = await Promise.race([run(), hopeless, untilSignal(demo).then(() => new Error("stopped by a signal"))]);
  await demo.stop();
  await release();
  if (ended instanceof Error) throw ended;
  const count = await tally(demoFiles(settings.folder), ended);
  say(`results: ${join(demoFiles(settings.folder).albums, ended)}`);
  console.log(JSON.stringify({ ...count, photos: photos.length, album: ended }));
  // Three sizes of each photo, the album and its mail: fewer accepted ids would be a gap as well.
  const hasGap = count.enqueued !== photos.length * 3 + 2 || count.completed !== count.enqueued || count.dead > 0;
  return hasGap ? 1 : 0;
}

/** A folder of its own, so that a page that is open meanwhile is not disturbed; any free port. */
function onceSettings(settings: Settings): Settings {
  if (process.env["DEMO_DATA"]) return { ...settings, port: settings.port ?? 0 };
  const folder = join(defaultFolder, "once");
  const backendUrl = process.env["WAYBILL_URL"] || `sqlite:${join(folder, "waybill.db")}`;
  return { ...settings, folder, backendUrl, port: settings.port ?? 0 };
}

async function open(settings: Settings, by: TakesJobs, say: (line: string) => void) {
  const claim = await claimFolder(settings.folder);
  let giveUp: (error: Error) => void = () => undefined;
  const hopeless = new Promise<Error>((settle) => {
    giveUp = settle;
  });
  try {
    const demo = await startDemo(settings, by, say, giveUp);
    return { demo, hopeless, release: claim.release };
  } catch (error) {
    await claim.release();
    throw error;
  }
}

/** The first signal resolves; a second is passed on by `stop` being called again; a third ends everything at once. */
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
