import { createHash } from "node:crypto";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
} from "node:fs";
import { readlinkSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Outside of the repository, whose own node_modules would be found otherwise. */
const home = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "waybill/examples");
const HOUR_MS = 3_600_000;

/** A short name of these texts: the same for the same texts. */
export function nameOf(texts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest("hex").slice(0, 16);
}

export const nameOfFiles = (paths: readonly string[]): string =>
  nameOf(paths.flatMap((path) => [path, readFileSync(path)]));

/**
 * Returns the folder of the cache for this content. If it is not there, `fill` fills it; if that fails, it is not kept. It takes the
 * place of folders for other content of the same subject that no run has used for an hour.
 */
export async function cached(
  subject: string,
  content: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(home, `${subject}-${content}`);
  if (existsSync(folder)) {
    utimesSync(folder, new Date(), new Date());
    return folder;
  }
  removeUnused(`${subject}-`, HOUR_MS);
  const made = temporary("filling-");
  try {
    await fill(made);
    // Another run may have been faster: both have the same content.
    if (!existsSync(folder)) renameSync(made, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  return folder;
}

/** A new folder beside the cache, on the same disk, so that files of the cache can be linked into it. */
export function temporary(prefix: string): string {
  mkdirSync(home, { recursive: true });
  return mkdtempSync(join(home, prefix));
}

/** Removes what no run has used for three days, also what killed runs left. */
export function sweep(): void {
  removeUnused("", 72 * HOUR_MS);
}

function removeUnused(prefix: string, ageMs: number): void {
  mkdirSync(home, { recursive: true });
  const names = readdirSync(home).filter((name) => name.startsWith(prefix));
  for (const path of names.map((name) => join(home, name))) {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && Date.now() - found.mtimeMs > ageMs) rmSync(path, { recursive: true, force: true });
  }
}

/** Copies a folder by hard links: twenty thousand files take a second, and no space. */
export function linkFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkFolder(source, target);
    else if (entry.isFile()) linkSync(source, target);
    else symlinkSync(readlinkSync(source), target);
  }
}
