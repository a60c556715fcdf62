import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Migration } from "@waybill/core";
import { configInvalid } from "@waybill/core/backend";
import { busyPauseMs, fileError, isBusy, lockedElsewhere } from "../errors.ts";
import type { Settings } from "../options/options.ts";
import { assertTextIndex } from "../schema/text-index.ts";
import { assertOurs, migrateSchema } from "../schema/migrate.ts";
import { rollBack, valueOf } from "../sql/statement.ts";
import { makePrivate } from "./file-mode.ts";
import { loadNodeSqlite } from "./node-sqlite.ts";

export interface OpenFile {
  readonly db: DatabaseSync;
  /** An absolute path. */
  readonly file: string;
  readonly migrated: Migration;
}

/**
 * Opens the file, makes it if it is missing, and migrates its schema. Waits up to `busyTimeoutMs` for another process that
 * writes. Rejects `CONFIG_INVALID` for a path that cannot hold a file and for a file that is not waybill's.
 */
export async function openFile(settings: Settings): Promise<OpenFile> {
  const file = resolve(settings.path);
  assertPlace(file);
  const { DatabaseSync } = loadNodeSqlite();
  let db: DatabaseSync | undefined;
  makePrivate(file);
  try {
    db = new DatabaseSync(file);
    return { db, file, migrated: await setUpWhenFree(db, file, settings.busyTimeoutMs) };
  } catch (thrown) {
    db?.close();
    throw fileError(thrown, file, "open");
  }
}

async function setUpWhenFree(db: DatabaseSync, file: string, busyTimeoutMs: number): Promise<Migration> {
  const begun = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      return setUp(db, file);
    } catch (thrown) {
      if (!isBusy(thrown)) throw thrown;
      if (performance.now() - begun >= busyTimeoutMs) throw lockedElsewhere(file, busyTimeoutMs, thrown);
      await sleep(busyPauseMs(tries));
    }
  }
}

/** Runs again from the start after SQLite was busy. Writes nothing to a file that is not waybill's. */
function setUp(db: DatabaseSync, file: string): Migration {
  // With a timeout, SQLite would block the event loop while another process holds the lock.
  db.exec("PRAGMA busy_timeout = 0");
  assertSqliteVersion(String(valueOf(db, "SELECT sqlite_version()")));
  assertOursAtOnce(db, file);
  assertUtf8(db, file);
  assertTextIndex(db, file);
  if (valueOf(db, "PRAGMA journal_mode = WAL") !== "wal") {
    const text = `"${file}" is on a file system without shared memory for SQLite's WAL; put it on a local disk`;
    throw configInvalid(text);
  }
  // Node enables foreign keys by default: a key of another table to ours would keep a finished job from being removed.
  db.exec("PRAGMA foreign_keys = OFF");
  db.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 67108864");
  return migrateSchema(db, file);
}

/** As `assertOurs`, in one transaction: another process may be making the schema, and its tables without its id are none of ours. */
function assertOursAtOnce(db: DatabaseSync, file: string): void {
  db.exec("BEGIN");
  try {
    assertOurs(db, file);
  } finally {
    rollBack(db);
  }
}

/** Throws `CONFIG_INVALID` before 3.38, which added `json_each`. A Node that was built with the system's SQLite may have one. */
export function assertSqliteVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 3 || (major === 3 && minor >= 38)) return;
  const text = `this Node was built with SQLite ${version}, and waybill needs 3.38 or newer; use a build from nodejs.org`;
  throw configInvalid(text);
}

/**
 * Throws `CONFIG_INVALID` for UTF-16, in which a text has other bytes than its program wrote. The encoding is not changed:
 * on an empty file whose header says UTF-16 that leaves a damaged file (SQLite 3.53).
 */
function assertUtf8(db: DatabaseSync, file: string): void {
  const encoding = valueOf(db, "PRAGMA encoding");
  if (encoding === "UTF-8") return;
  const text = `"${file}" stores text as ${encoding}, which a file keeps for good, and waybill needs UTF-8; name a new file`;
  throw configInvalid(text);
}

function assertPlace(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw configInvalid(`"${file}" is a folder; name a file in it, such as ${file}/waybill.db`);
  }
  const folder = dirname(file);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw configInvalid(`the folder "${folder}" does not exist; make it, then start again`);
  }
}
