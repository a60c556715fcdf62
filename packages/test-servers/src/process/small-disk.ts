import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of its own that can be filled to its last byte. In memory. */
export interface SmallDisk {
  /** Anyone may write into it. */
  readonly folder: string;
  /** Leaves no byte. Resolves for a disk that is full already. */
  fill(): void;
  /** Frees what `fill` took. */
  free(): void;
  /** Also while processes have files open on it. */
  remove(): void;
}

const CHUNK = Buffer.alloc(64 * 1_024, 1);

/** Mounts a disk of as many bytes. Needs root, and throws without it. */
export function makeSmallDisk(bytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "waybill-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=1777`, "waybill", folder], { stdio: "pipe" });
  const ballast = join(folder, "ballast");
  return {
    folder,
    fill() {
      const file = openSync(ballast, "a");
      for (let size = CHUNK.length; size >= 1;) {
        try {
          writeSync(file, CHUNK, 0, size);
        } catch {
          size >>= 1;
        }
      }
      closeSync(file);
    },
    free: () => rmSync(ballast, { force: true }),
    remove() {
      execFileSync("umount", ["--lazy", folder], { stdio: "pipe" });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
