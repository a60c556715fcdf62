import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { absent } from "../album.ts";
import { isAlive } from "../durable-file.ts";

/** Locks the data folder for this launcher. Throws, with the other's process id, if another launcher runs in it. */
export async function lockFolder(folder: string): Promise<{ release(): Promise<void> }> {
  const path = join(folder, "launcher.pid");
  await mkdir(folder, { recursive: true });
  const [pid = "", startedAt = ""] = ((await readFile(path, "utf8").catch(absent)) ?? "").split(" ");
  const other = Number(pid);
  if (other > 0 && other !== process.pid && isAlive(other) && (await startOf(other)) === startedAt) {
    throw new Error(`the demo already runs in ${folder} (pid ${other}): stop it, or set DEMO_DATA to another folder`);
  }
  await writeFile(path, `${process.pid} ${await startOf(process.pid)}`);
  return { release: () => rm(path, { force: true }) };
}

/**
 * Returns when a process started, in clock ticks since boot. Process ids are reused, after a restart of a container
 * often the same ones. Empty where there is no /proc; then only the id is compared.
 */
export async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field is the program's name, which may contain spaces; the start time is the 22nd field.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
