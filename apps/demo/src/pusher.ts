import { availableParallelism } from "node:os";
import { connect } from "@waybill/core";
import { sendOverHttp } from "@waybill/http";
import { demoFiles } from "./album.ts";
import { leaseMs } from "./lease.ts";
import { exitWithParent } from "./parent.ts";
import { readSettings } from "./settings.ts";
import { announce } from "./worker/announce.ts";
import { startPosting } from "./worker/post.ts";
import { openSpool } from "./worker/spool.ts";

// The pusher process, which replaces the worker with --push: a worker whose only handler POSTs each job to the web
// process, which runs it. `waybill push --to URL` does the same for any application.

const settings = readSettings();
if (settings.keys === null)
  throw new Error("WAYBILL_KEYS is not set: the web process accepts signed jobs only; set the same secrets for both");
const jobs = await connect(settings.backendUrl, { role: "pusher", ...settings.kept });
const spool = openSpool(demoFiles(settings.folder).spool);
announce(jobs.events, spool);

const sender = sendOverHttp({ to: new URL("/work", settings.webUrl).href, keys: settings.keys, events: jobs.events });
const worker = jobs.worker({
  jobs: [sender],
  queues: ["media", "mailers"],
  concurrency: Math.max(2, availableParallelism()),
  lease: leaseMs,
});
const posting = startPosting(spool, settings.webUrl);
exitWithParent();
await worker.run();
await posting.stop(2_000);
