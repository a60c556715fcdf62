import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Admit } from "@waybill/core/backend";
import { admit, closedBy, ignoredReport } from "@waybill/test-servers/fixtures";
import { afterEach } from "vitest";
import { openSqlite, type SqliteBackend } from "../src/backend.ts";
import { settingsOf, type SqliteOptions } from "../src/options/options.ts";

export { admit, context, lease, message } from "@waybill/test-servers/fixtures";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
// Hooks run from the last to the first: a file is closed before its folder is removed.
const opened = closedBy(afterEach);

/** Returns a path in a new folder, which is removed after the test. Does not make the file. */
export function temporaryFile(name = "waybill.db"): string {
  const folder = mkdtempSync(join(tmpdir(), "waybill-sqlite-"));
  folders.push(folder);
  return join(folder, name);
}

/** Opens a backend, which is closed after the test. */
export async function open(
  options: SqliteOptions,
  { now = Date.now, admits = admit }: { now?: () => number; admits?: Admit } = {},
): Promise<SqliteBackend> {
  return opened(await openSqlite(settingsOf(options), { admit: admits, report: ignoredReport }, now));
}
