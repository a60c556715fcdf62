import type { DatabaseSync } from "node:sqlite";
import type { Doctor, Finding } from "@waybill/core";
import { modeFinding } from "../file/file-mode.ts";
import { type Settings, settingsOf } from "../options/options.ts";
import { canIndexTexts, hasTextIndex, OWN_TRIGGERS } from "../schema/text-index.ts";
import { prepare, valueOf } from "../sql/statement.ts";
import { storageFindings } from "./storage-checks.ts";

export function createDoctor(db: DatabaseSync, file: string, settings: Settings): Doctor {
  const defaults = settingsOf({ path: settings.path });
  const isGiven = (name: keyof Settings): boolean => name === "path" || settings[name] !== defaults[name];
  return {
    server: { product: "sqlite", version: String(valueOf(db, "SELECT sqlite_version()")) },
    settings: (Object.keys(defaults) as (keyof Settings)[]).map((name) => ({
      name,
      value: settings[name],
      given: isGiven(name),
    })),
    checks: async () => [durability(db), triggers(db), texts(db), modeFinding(file), ...(await storageFindings(file))],
  };
}

/** Opening sets both. A program that shares the file cannot change them for this connection. */
function durability(db: DatabaseSync): Finding {
  const mode = String(valueOf(db, "PRAGMA journal_mode"));
  const level = Number(valueOf(db, "PRAGMA synchronous"));
  const safe = mode === "wal" && level >= 2;
  return {
    check: "sqlite.durability",
    severity: safe ? "ok" : "failure",
    message: `journal_mode is ${mode}, synchronous is ${level}: a write is ${safe ? "" : "not "}on disk when it resolves`,
    remedy: safe ? null : "open the file by waybill alone, on a local disk",
  };
}

/** Triggers run within waybill's statements, and `node:sqlite` cannot disable them for one connection. */
function triggers(db: DatabaseSync): Finding {
  const names = prepare(
    db,
    `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name GLOB 'waybill_*' AND NOT ${OWN_TRIGGERS}`,
  )
    .all()
    .map(({ name }) => JSON.stringify(name));
  const none = names.length === 0;
  return {
    check: "sqlite.triggers",
    severity: none ? "ok" : "warning",
    message: none
      ? "no other program's trigger is on waybill's tables"
      : `another program put triggers on waybill's tables, which can refuse or remove jobs: ${names.join(", ")}`,
    remedy: none ? null : "drop them, unless you know that they only read",
  };
}

/** How a search of records by text is done. */
function texts(db: DatabaseSync): Finding {
  const reads = "texts of records have no index: a search reads each record";
  const message = hasTextIndex(db)
    ? "texts of records have an index (FTS5)"
    : `${reads}; ${canIndexTexts(db) ? "records: { search: true } makes one (FTS5)" : "the SQLite of this Node has no FTS5"}`;
  return { check: "sqlite.text_index", severity: "ok", message, remedy: null };
}
