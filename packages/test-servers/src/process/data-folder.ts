import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new folder in `parent`, by default the system's temporary one; owned by `user` where this process may give it away. */
export function makeDataFolder(name: string, user: string | null, parent: string = tmpdir()): string {
  const folder = mkdtempSync(join(parent, `waybill-${name}-`));
  chmodSync(folder, 0o700);
  if (user !== null && isRoot()) execFileSync("chown", [`${user}:`, folder]);
  return folder;
}

export function removeDataFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}
