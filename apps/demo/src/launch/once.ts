import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobView } from "../web/views.ts";
import type { Refusal } from "../web/upload.ts";

const PHOTO = /\.(jpe?g|png|webp)$/i;
/** The run fails when nothing has changed for this long. */
const STUCK_MS = 120_000;

/** Lists the photos below a folder, sorted by name. Throws when there are none. */
export async function photosIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && PHOTO.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
  if (paths.length === 0)
    throw new Error(`there is no photo in ${folder}: give a folder with .jpg, .png or .webp files`);
  return paths;
}

/** Uploads the photos in one multipart request, as a browser does. Returns the album's id and the refused files. */
export async function upload(
  address: string,
  folder: string,
  photos: readonly string[],
  title: string,
): Promise<{ albumId: string; refused: Refusal[] }> {
  const boundary = `waybill-${Date.now()}`;
  const response = await fetch(`${address}/albums?title=${encodeURIComponent(title)}`, {
    method: "POST",
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    body: Readable.toWeb(Readable.from(multipart(folder, photos, boundary))) as ReadableStream,
    duplex: "half",
  });
  if (!response.ok) throw new Error(`the upload failed with status ${response.status}: ${await response.text()}`);
  return (await response.json()) as { albumId: string; refused: Refusal[] };
}

/** Yields the body in parts, so that a folder may be larger than memory. */
async function* multipart(folder: string, photos: readonly string[], boundary: string): AsyncGenerator<Uint8Array> {
  for (const photo of photos) {
    const name = photo
      .replaceAll("\\", "/")
      .replaceAll('"', "%22")
      .replaceAll(/[\r\n]/g, " ");
    yield Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="photos"; filename="${name}"\r\ncontent-type: application/octet-stream\r\n\r\n`,
    );
    yield* createReadStream(join(folder, photo)) as AsyncIterable<Uint8Array>;
    yield Buffer.from("\r\n");
  }
  yield Buffer.from(`--${boundary}--\r\n`);
}

/**
 * Resolves when the mail is sent, or when every job that is not done is dead. Continues to poll while the web process
 * restarts. Rejects when nothing has changed for two minutes.
 */
export async function untilSettled(address: string, albumId: string, say: (line: string) => void): Promise<void> {
  let last = "";
  let changedAt = Date.now();
  for (;;) {
    const jobs = await jobsOf(address, albumId);
    if (jobs !== null && isSettled(jobs)) return;
    const now = progress(jobs ?? []);
    if (jobs !== null && now !== last) {
      last = now;
      changedAt = Date.now();
      say(now);
    }
    if (Date.now() - changedAt > STUCK_MS)
      throw new Error(`nothing has changed for ${STUCK_MS / 1_000} s; the last state was: ${last}`);
    await sleep(200);
  }
}

function isSettled(jobs: readonly JobView[]): boolean {
  if (jobs.length === 0 || jobs.some((job) => job.state !== "done" && job.state !== "dead")) return false;
  return jobs.some((job) => job.state === "dead" || job.type === "mail.album_ready");
}

/** Returns null while the web process does not respond. */
async function jobsOf(address: string, albumId: string): Promise<JobView[] | null> {
  try {
    const response = await fetch(`${address}/albums/${albumId}`, { signal: AbortSignal.timeout(5_000) });
    if (!response.ok) return null;
    return ((await response.json()) as { jobs: JobView[] }).jobs;
  } catch {
    return null;
  }
}

function progress(jobs: readonly JobView[]): string {
  const counts = new Map<string, number>();
  for (const job of jobs) counts.set(job.state, (counts.get(job.state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
}
