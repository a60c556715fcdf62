import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { absent } from "../album.ts";
import { isAlive } from "../durable-file.ts";

/** Makes this launcher the only one of the data folder. Throws, naming the other, if one runs already. */
export async function claimFolder(folder: string): Promise<{ release(): Promise<void> }> {
  const path = join(folder, "launcher.pid");
  await mkdir(folder, { recursive: true });
  const other = Number(await readFile(path, "utf8").catch(absent));
  if (other > 0 && other !== process.pid && isAlive(other)) {
    throw new Error(`the demo runs already in ${folder} (pid ${other}): stop it, or set DEMO_DATA to another folder`);
  }
  await writeFile(path, String(process.pid));
  return { release: () => rm(path, { force: true }) };
}
