import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Doctor, Finding } from "@waybill/core";
import { modeFinding } from "../file/file-mode.ts";
import { type Settings, settingsOf } from "../options/options.ts";
import { prepare, valueOf } from "../sql/statement.ts";

/** With less free space than this, writes will soon be refused. */
const SPARE_BYTES = 100 * 1_048_576;

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
    checks: async () => [durability(db), triggers(db), modeFinding(file), await space(file)],
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
  const names = prepare(db, "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name GLOB 'waybill_*'")
    .all()
    .map(({ name }) => JSON.stringify(name));
  const none = names.length === 0;
  return {
    check: "sqlite.triggers",
    severity: none ? "ok" : "warning",
    message: none
      ? "no trigger is on waybill's tables"
      : `another program put triggers on waybill's tables, which can refuse or remove jobs: ${names.join(", ")}`,
    remedy: none ? null : "drop them, unless you know that they only read",
  };
}

async function space(file: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dirname(file));
  const enough = bavail * bsize >= SPARE_BYTES;
  return {
    check: "sqlite.space",
    severity: enough ? "ok" : "warning",
    message: `${Math.floor((bavail * bsize) / 1_048_576).toLocaleString("en-US")} MiB are free beside the file`,
    remedy: enough ? null : "free some space: a full disk refuses every enqueue",
  };
}
