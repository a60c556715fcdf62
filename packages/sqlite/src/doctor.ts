import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Doctor, Finding } from "@waybill/core";
import { modeFinding } from "./file-mode.ts";
import { type Settings, settingsOf } from "./options.ts";
import { prepare } from "./prepare.ts";

/** Below this, writes will soon be refused. */
const SPARE_BYTES = 100 * 1_048_576;

export function createDoctor(db: DatabaseSync, file: string, settings: Settings): Doctor {
  const version = String(prepare(db, "SELECT sqlite_version() AS version").get()?.["version"]);
  const defaults = settingsOf({ path: settings.path });
  const isGiven = (name: keyof Settings): boolean => name === "path" || settings[name] !== defaults[name];
  return {
    server: { product: "sqlite", version },
    settings: (Object.keys(defaults) as (keyof Settings)[]).map((name) => ({
      name,
      value: settings[name],
      given: isGiven(name),
    })),
    checks: async () => [durability(db), triggers(db), modeFinding(file), await space(file)],
  };
}

/** Opening sets both; a program that shares the connection's file cannot change them for us. */
function durability(db: DatabaseSync): Finding {
  const mode = String(prepare(db, "PRAGMA journal_mode").get()?.["journal_mode"]);
  const level = Number(prepare(db, "PRAGMA synchronous").get()?.["synchronous"]);
  const safe = mode === "wal" && level >= 2;
  return {
    check: "sqlite.durability",
    severity: safe ? "ok" : "failure",
    message: `journal_mode is ${mode}, synchronous is ${level}: a write is ${safe ? "" : "not "}on disk when it resolves`,
    wayOut: safe ? null : "open the file by waybill alone, on a local disk",
  };
}

/** They run within our statements, and `node:sqlite` cannot turn them off for one connection. */
function triggers(db: DatabaseSync): Finding {
  const names = prepare(db, "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name GLOB 'waybill_*'")
    .all()
    .map(({ name }) => JSON.stringify(name));
  return {
    check: "sqlite.triggers",
    severity: names.length === 0 ? "ok" : "warning",
    message:
      names.length === 0
        ? "no trigger is on waybill's tables"
        : `another program put triggers on waybill's tables, which can refuse or remove jobs: ${names.join(", ")}`,
    wayOut: names.length === 0 ? null : "drop them, unless you know that they only read",
  };
}

async function space(file: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dirname(file));
  const enough = bavail * bsize >= SPARE_BYTES;
  return {
    check: "sqlite.space",
    severity: enough ? "ok" : "warning",
    message: `${Math.floor((bavail * bsize) / 1_048_576).toLocaleString("en-US")} MiB are free beside the file`,
    wayOut: enough ? null : "make room: a full disk refuses every enqueue",
  };
}
