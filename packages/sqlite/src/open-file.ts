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
  versionOf(db, file);
  const mode = db.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal") {
    const text = `"${file}" is on a file system without shared memory for SQLite's WAL; put it on a local disk`;
    throw new WaybillError("CONFIG_INVALID", text);
  }
  db.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 67108864");
  return migrateSchema(db, file);
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
