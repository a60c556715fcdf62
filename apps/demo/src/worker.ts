import { availableParallelism } from "node:os";
import sharp from "sharp";
import { connect, type Jobs } from "@waybill/core";
import { type DemoFiles, demoFiles } from "./album.ts";
import { sweepTemporaryFiles } from "./durable-file.ts";
import { finishWhenDone } from "./finish-when-done.ts";
import { definitions, mailAlbumReady, mailId } from "./jobs.ts";
import { leaseMs } from "./lease.ts";
import { openLedger } from "./ledger.ts";
import type { Accepted } from "./records.ts";
import { exitWithParent } from "./parent.ts";
import { readSettings } from "./settings.ts";
import { finishHandler } from "./worker/finish.ts";
import { mailHandler } from "./worker/mail.ts";
import { startPosting } from "./worker/post.ts";
import { resizeHandler } from "./worker/resize.ts";
import { openSpool, type Spool } from "./worker/spool.ts";

// The worker process: leases jobs and runs their handlers. It shares nothing with the web process but the job
// definitions, the files and the backend's URL.

const settings = readSettings();
const files = demoFiles(settings.folder);
// A replaced photo has the path of another: libvips must not answer from memory. One thread a job, jobs side by side.
sharp.cache(false);
sharp.concurrency(1);

await sweepTemporaryFiles(files.temporary);
const ledger = await openLedger<Accepted>(files.ledger("worker"));
const jobs = await connect(settings.backendUrl, { jobs: definitions, role: "worker" });
const spool = openSpool(files.spool);
announce(jobs, spool);

const worker = jobs.worker({
  jobs: [
    resizeHandler(files, onResized(jobs, files)),
    finishHandler(files, onFinished(jobs)),
    mailHandler(files, { smtpUrl: settings.smtpUrl, to: settings.mailTo }),
  ],
  queues: ["media", "mailers"],
  concurrency: Math.max(2, availableParallelism()),
  lease: leaseMs,
});
const posting = startPosting(spool, process.env["DEMO_WEB_URL"] ?? "http://127.0.0.1:3000");
exitWithParent();
await worker.run();
await posting.stop(2_000);
await jobs.close();
await ledger.close();

/** Spools each event before the next step of its job. */
function announce(from: Jobs, to: Spool): void {
  from.events.on("enqueued", ({ at, id, type, queue }) => to.append({ at, event: "enqueued", id, type, queue }));
  from.events.on("started", ({ at, id, type, queue, attempt, lost }) =>
    to.append({ at, event: "started", id, type, queue, attempt, lost }),
  );
  from.events.on("settled", ({ at, id, type, queue, attempt, lost, outcome, durationMs, delayMs, reason }) =>
    to.append({ at, event: "settled", id, type, queue, attempt, lost, outcome, durationMs, delayMs, reason }),
  );
  from.events.on("lease_lost", ({ at, id, type, queue, attempt }) =>
    to.append({ at, event: "lease_lost", id, type, queue, attempt }),
  );
}

/** After the last size of an album: enqueue its finish, and write that down, before the size is settled. */
function onResized(producer: Jobs, at: DemoFiles): (albumId: string) => Promise<void> {
  return async (albumId) => {
    const id = await finishWhenDone(producer, at, albumId);
    if (id !== null) await ledger.append([{ kind: "accepted", at: Date.now(), albumId, id, type: "album.finish" }]);
  };
}

function onFinished(producer: Jobs): (albumId: string) => Promise<void> {
  return async (albumId) => {
    const id = mailId(albumId);
    await producer.enqueue(mailAlbumReady, { albumId }, { id });
    const at = Date.now();
    await ledger.append([{ kind: "accepted", at, albumId, id, type: "mail.album_ready" }]);
  };
}
