import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { type Migration, WaybillError } from "@waybill/core";
import { busyPauseMs } from "./busy.ts";
import { fileError, heldElsewhere, isBusy } from "./errors.ts";
import { migrateSchema, versionOf } from "./migrate.ts";
import { makePrivate } from "./file-mode.ts";
import { loadNodeSqlite } from "./node-sqlite.ts";
import type { Settings } from "./options.ts";
import { prepare } from "./prepare.ts";

export interface OpenFile {
  readonly db: DatabaseSync;
  /** Absolute. */
  readonly file: string;
  readonly migrated: Migration;
}

/** Opens, judges and migrates the file. Waits up to `busyTimeoutMs` for a process that is writing. */
export async function openFile(settings: Settings): Promise<OpenFile> {
  const file = resolve(settings.path);
  refuseNoPlace(file);
  const { DatabaseSync } = loadNodeSqlite();
  let db: DatabaseSync | undefined;
  makePrivate(file);
  try {
    db = new DatabaseSync(file);
    const migrated = await whenFree(db, file, settings.busyTimeoutMs);
    return { db, file, migrated };
  } catch (thrown) {
    db?.close();
    throw fileError(thrown, file, "open");
  }
}

async function whenFree(db: DatabaseSync, file: string, busyTimeoutMs: number): Promise<Migration> {
  const begun = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      return setUp(db, file);
    } catch (thrown) {
      if (!isBusy(thrown)) throw thrown;
      if (performance.now() - begun >= busyTimeoutMs) throw heldElsewhere(file, busyTimeoutMs, thrown);
      await sleep(busyPauseMs(tries));
    }
  }
}

/** Every step may be taken again after SQLite was busy. Nothing is written to a file that is not ours. */
function setUp(db: DatabaseSync, file: string): Migration {
  // A lock held elsewhere must not block the event loop; waiting is ours.
  db.exec("PRAGMA busy_timeout = 0");
  requireSqlite(String(prepare(db, "SELECT sqlite_version() AS version").get()?.["version"]));
  versionOf(db, file);
  requireUtf8(db, file);
  const mode = prepare(db, "PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal") {
    const text = `"${file}" is on a file system without shared memory for SQLite's WAL; put it on a local disk`;
    throw new WaybillError("CONFIG_INVALID", text);
  }
  // Keys that other tables have on ours must not keep a finished job from being removed: Node has them on by default.
  db.exec("PRAGMA foreign_keys = OFF");
  db.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 67108864");
  return migrateSchema(db, file);
}

/** Node's own builds have a newer one; a Node built with the system's SQLite need not. 3.38 brought `json_each` to all. */
export function requireSqlite(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 3 || (major === 3 && minor >= 38)) return;
  const text = `this Node was built with SQLite ${version}, and waybill needs 3.38 or newer; use a build from nodejs.org`;
  throw new WaybillError("CONFIG_INVALID", text);
}

/**
 * In UTF-16, the bytes of a text are not those that its program wrote. It is refused, never changed: setting `encoding`
 * on an empty file whose header says UTF-16 leaves a damaged file behind (SQLite 3.53).
 */
function requireUtf8(db: DatabaseSync, file: string): void {
  const encoding = String(prepare(db, "PRAGMA encoding").get()?.["encoding"]);
  if (encoding === "UTF-8") return;
  const text = `"${file}" stores text as ${encoding}, which a file keeps for good, and waybill needs UTF-8; name a new file`;
  throw new WaybillError("CONFIG_INVALID", text);
}

function refuseNoPlace(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw new WaybillError("CONFIG_INVALID", `"${file}" is a folder; name a file in it, such as ${file}/waybill.db`);
  }
  const folder = dirname(file);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new WaybillError("CONFIG_INVALID", `the folder "${folder}" does not exist; make it, then start again`);
  }
}
