import { access } from "node:fs/promises";
import { absent, type DemoFiles } from "../album.ts";
import { mailAlbumReady, photoResize } from "../jobs.ts";
import { leaseMs } from "../lease.ts";
import type { WebRecord } from "../records.ts";
import { resultPath } from "../result-path.ts";
import type { AlbumDeps } from "./albums.ts";
import type { JobView } from "./views.ts";

/**
 * Finds the outcome of jobs whose worker was killed after the settle and before it spooled the event. A job with a
 * dead letter is dead; one with a result on disk is done if its queue is empty.
 */
export async function conclude({ jobs, board, files }: AlbumDeps, now: number): Promise<WebRecord[]> {
  const silent = board.jobs().filter((job) => isOpen(job) && now - job.changedAt > leaseMs + 3_000);
  if (silent.length === 0 || jobs.inspector === null) return [];
  const byId = new Map(silent.map((job) => [job.id, job]));
  const records: WebRecord[] = [];
  for (const letter of await jobs.inspector.deadLetters({ ids: [...byId.keys()], limit: byId.size })) {
    byId.delete(letter.id);
    records.push({ kind: "concluded", at: now, id: letter.id, state: "dead", reason: letter.reason });
  }
  const busy = new Set(
    (await jobs.inspector.counts())
      .filter((each) => each.ready + each.delayed + each.leased > 0)
      .map((each) => each.queue),
  );
  for (const job of byId.values()) {
    if (busy.has(queueOf(job)) || !(await hasResult(files, job))) continue;
    records.push({ kind: "concluded", at: now, id: job.id, state: "done" });
  }
  return records;
}

const isOpen = (job: JobView): boolean => job.state !== "done" && job.state !== "dead" && job.state !== "retrying";

const queueOf = (job: JobView): string => (job.type === mailAlbumReady.type ? mailAlbumReady.queue : photoResize.queue);

async function hasResult(files: DemoFiles, job: JobView): Promise<boolean> {
  return (await access(resultPath(files, job)).catch(absent)) !== null;
}
