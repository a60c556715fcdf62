import { existsSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Finding } from "@waybill/core";

/** With less free space than this, writes will soon be refused. */
const SPARE_BYTES = 100 * 1_048_576;
/** SQLite checkpoints at 4 MiB; far beyond that, something keeps it from doing so. */
const LARGE_WAL_BYTES = 64 * 1_048_576;
const MIB = 1_048_576;

/** Checks where the file is. */
export async function storageFindings(file: string): Promise<Finding[]> {
  const { bavail, bsize, type } = await statfs(dirname(file));
  return [space(bavail * bsize), ...fileSystemFindings(type), wal(file)];
}

function space(bytes: number): Finding {
  const enough = bytes >= SPARE_BYTES;
  return {
    check: "sqlite.space",
    severity: enough ? "ok" : "warning",
    message: `${Math.floor(bytes / MIB).toLocaleString("en-US")} MiB are free beside the file`,
    remedy: enough ? null : "free some space: a full disk refuses every enqueue",
  };
}

/** What `statfs` calls them on Linux (linux/magic.h). */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x00c36400, "Ceph"],
  [0x01021997, "9p"],
]);
const VOLATILE: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
]);
const OVERLAY = 0x794c7630;

/** `type`: of `statfs`. Returns none where its numbers mean something else. */
export function fileSystemFindings(type: number, platform: string = process.platform): Finding[] {
  if (platform !== "linux") return [];
  const check = "sqlite.filesystem";
  const network = NETWORK.get(type);
  if (network !== undefined) {
    const message = `the file is on ${network}: processes on two machines do not see each other's locks, and jobs are lost or the file is damaged`;
    return [{ check, severity: "failure", message, remedy: "move it to a local disk, or use a backend on a server" }];
  }
  const volatile = VOLATILE.get(type);
  if (volatile !== undefined) {
    const message = `the file is on ${volatile}: a restart of the machine loses every job`;
    return [{ check, severity: "warning", message, remedy: "move it to a disk" }];
  }
  if (type === OVERLAY) {
    const message = "the file is on overlay, as in the layer of a container: it goes with the container";
    return [{ check, severity: "warning", message, remedy: "mount a volume, and put the file there" }];
  }
  return [
    { check, severity: "ok", message: "the file is on no network, container or memory file system", remedy: null },
  ];
}

function wal(file: string): Finding {
  const check = "sqlite.wal";
  const bytes = existsSync(`${file}-wal`) ? statSync(`${file}-wal`).size : 0;
  const message = `the write-ahead log has ${(bytes / MIB).toFixed(1)} MiB`;
  if (bytes < LARGE_WAL_BYTES) return { check, severity: "ok", message, remedy: null };
  const remedy =
    "end the program that keeps a read transaction open, such as a database browser; then PRAGMA wal_checkpoint(TRUNCATE)";
  return { check, severity: "warning", message: `${message}: it cannot be checkpointed, and reads get slower`, remedy };
}
