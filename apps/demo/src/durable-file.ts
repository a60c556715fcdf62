import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { absent } from "./album.ts";

/** Returns a unique path. It contains this process's id, so that a sweep can check whether the writer still runs. */
export function temporaryPath(folder: string): string {
  return join(folder, `${randomUUID()}.${process.pid}.tmp`);
}

/**
 * Writes a file atomically: readers see all of it or nothing. Once resolved, the file survives a crash. A process
 * killed during the write leaves a temporary file, which the next sweep removes.
 */
export async function writeDurably(temporary: string, path: string, bytes: Uint8Array | string): Promise<void> {
  const part = temporaryPath(temporary);
  await mkdir(temporary, { recursive: true });
  try {
    const file = await open(part, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await moveDurably(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Renames a finished file to its final path and syncs the folder, so that the rename survives a crash. */
export async function moveDurably(part: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rename(part, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Removes the temporary files of processes that no longer run. Returns how many. */
export async function sweepTemporaryFiles(temporary: string): Promise<number> {
  let swept = 0;
  for (const name of (await readdir(temporary).catch(absent)) ?? []) {
    const pid = Number(/\.(\d+)\.tmp$/.exec(name)?.[1] ?? Number.NaN);
    // Files with our own id are removed too: a sweep runs before this process writes, so an earlier process wrote them.
    if (!Number.isInteger(pid) || (pid !== process.pid && isAlive(pid))) continue;
    await rm(join(temporary, name), { force: true });
    swept += 1;
  }
  return swept;
}

/** Returns true while a process with that id exists, of any user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
