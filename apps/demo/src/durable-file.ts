import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { absent } from "./album.ts";

/** A name nobody else writes to. It carries our process id, so that a sweep knows whether its writer still lives. */
export function temporaryPath(folder: string): string {
  return join(folder, `${randomUUID()}.${process.pid}.tmp`);
}

/**
 * Writes the whole file or none of it, surviving a crash once resolved. A kill on the way leaves a temporary file,
 * which the next sweep removes; readers never see a half.
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

/** Renames a finished file into place and makes the rename itself survive a crash. */
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

/** Removes what killed processes left half written; a living process keeps its own. Answers how many. */
export async function sweepTemporaryFiles(temporary: string): Promise<number> {
  let swept = 0;
  for (const name of (await readdir(temporary).catch(absent)) ?? []) {
    const pid = Number(/\.(\d+)\.tmp$/.exec(name)?.[1] ?? Number.NaN);
    // Our own id counts as dead: a sweep runs before anything is written, so the file is of an earlier process.
    if (!Number.isInteger(pid) || (pid !== process.pid && isAlive(pid))) continue;
    await rm(join(temporary, name), { force: true });
    swept += 1;
  }
  return swept;
}

/** True while a process of that id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
