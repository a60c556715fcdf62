import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the database files of a run live: durable writes are as fast as this folder's file system. */
export function scratchRoot(): string {
  return process.env["WAYBILL_BENCH_DIR"] ?? tmpdir();
}

/** Gives `work` an empty folder and removes it afterwards. */
export async function inScratch<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(scratchRoot(), "waybill-bench-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
