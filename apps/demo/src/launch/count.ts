import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { absent, type DemoFiles } from "../album.ts";
import { readLedger } from "../ledger.ts";
import { readReceipt } from "../receipt.ts";
import type { Accepted, WebRecord } from "../records.ts";
import { resultPath } from "../result-path.ts";

/** The outcome of one run, counted from the files on disk only. */
export interface Tally {
  /** Ids that a backend accepted, according to the ledgers of web and worker. */
  readonly enqueued: number;
  /** Those whose result is on disk and can be decoded. */
  readonly completed: number;
  /** Those that are dead letters. */
  readonly dead: number;
  readonly byType: Readonly<Record<string, { enqueued: number; completed: number }>>;
}

export async function tally(files: DemoFiles, albumId: string): Promise<Tally> {
  const web = await readLedger<WebRecord>(files.ledger("web"));
  const worker = await readLedger<WebRecord>(files.ledger("worker"));
  const accepted = new Map<string, Accepted>();
  for (const record of [...web, ...worker]) {
    if (record.kind === "accepted" && record.albumId === albumId) accepted.set(record.id, record);
  }
  const byType: Record<string, { enqueued: number; completed: number }> = {};
  let completed = 0;
  for (const job of accepted.values()) {
    const count = (byType[job.type] ??= { enqueued: 0, completed: 0 });
    count.enqueued += 1;
    if (!(await isWhole(files, job))) continue;
    count.completed += 1;
    completed += 1;
  }
  const dead = [...lastStates(web)].filter(([id, isDead]) => isDead && accepted.has(id)).length;
  return { enqueued: accepted.size, completed, dead, byType };
}

/** Decodes the whole picture, or reads the receipt: a file that exists may still be damaged. */
async function isWhole(files: DemoFiles, job: Accepted): Promise<boolean> {
  if (job.type === "mail.album_ready") return (await readReceipt(files, job.id)) !== null;
  const bytes = await readFile(resultPath(files, job)).catch(absent);
  if (bytes === null) return false;
  return sharp(bytes, { failOn: "warning" })
    .raw()
    .toBuffer()
    .then(
      (pixels) => pixels.length > 0,
      () => false,
    );
}

/** Returns, for each job, whether its last record says that it is dead. */
function lastStates(records: readonly WebRecord[]): Map<string, boolean> {
  const isDead = new Map<string, boolean>();
  for (const record of records) {
    if (record.kind === "concluded") isDead.set(record.id, record.state === "dead");
    if (record.kind === "retried") isDead.set(record.id, false);
    if (record.kind === "event" && record.event.event === "settled") {
      isDead.set(record.event.id, record.event.outcome === "dead");
    }
  }
  return isDead;
}
