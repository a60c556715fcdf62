import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { absent } from "../album.ts";
import { isAlive } from "../durable-file.ts";

/** Makes this launcher the only one of the data folder. Throws, naming the other, if one runs already. */
export async function claimFolder(folder: string): Promise<{ release(): Promise<void> }> {
  const path = join(folder, "launcher.pid");
  await mkdir(folder, { recursive: true });
  const [pid = "", startedAt = ""] = ((await readFile(path, "utf8").catch(absent)) ?? "").split(" ");
  const other = Number(pid);
  if (other > 0 && other !== process.pid && isAlive(other) && (await startOf(other)) === startedAt) {
    throw new Error(`the demo runs already in ${folder} (pid ${other}): stop it, or set DEMO_DATA to another folder`);
  }
  await writeFile(path, `${process.pid} ${await startOf(process.pid)}`);
  return { release: () => rm(path, { force: true }) };
}

/**
 * When the process started, in the kernel's own count: ids are used again, after a restart of a container often the very
 * same ones. Empty where there is no /proc; the id alone decides then.
 */
export async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field is the program's name and may hold spaces; the start is the 22nd of all.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
