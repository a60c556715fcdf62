import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Admit, Backend, BackendContext, Lease, Message } from "@waybill/core/backend";
import { unheard } from "@waybill/test-servers";
import { afterEach } from "vitest";
import { openSqlite, type SqliteBackend } from "../src/backend.ts";
import { settingsOf, type SqliteOptions } from "../src/options.ts";

const folders: string[] = [];
const opened: Backend[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A path in a folder of its own, removed after the test. The file is not made. */
export function temporaryFile(name = "waybill.db"): string {
  const folder = mkdtempSync(join(tmpdir(), "waybill-sqlite-"));
  folders.push(folder);
  return join(folder, name);
}

/** Stands in for core: takes JSON with an id, and has one code for everything else. */
export const admit: Admit = (body, signature) => {
  try {
    const { id, type, queue, priority } = JSON.parse(body) as Partial<Message>;
    if (id === undefined) return { ok: false, reason: { code: "FIELD_MISSING", message: "id is missing" } };
    return { ok: true, message: message({ id, type, queue, priority, signature, body }) };
  } catch (thrown) {
    return { ok: false, reason: { code: "JSON_SYNTAX", message: String(thrown) } };
  }
};

export const context: BackendContext = { admit, report: unheard };

/** Opens a backend that is closed after the test. */
export async function open(
  options: SqliteOptions,
  { now = Date.now, admits = admit }: { now?: () => number; admits?: Admit } = {},
): Promise<SqliteBackend> {
  const backend = await openSqlite(settingsOf(options), { admit: admits, report: unheard }, now);
  opened.push(backend);
  return backend;
}

type Part = { [Key in keyof Message]?: Message[Key] | undefined };

let count = 0;

export function message(part: Part = {}): Message {
  const id = part.id ?? `job-${(count += 1)}`;
  return {
    id,
    type: part.type ?? "test.job",
    queue: part.queue ?? "default",
    delayMs: part.delayMs ?? 0,
    priority: part.priority ?? 0,
    tenant: part.tenant ?? null,
    signature: part.signature ?? null,
    body: part.body ?? JSON.stringify({ id }),
  };
}

export function lease(
  backend: Backend,
  { queue = "default", limit = 1, leaseMs = 60_000, waitMs = 0, signal = new AbortController().signal } = {},
): Promise<Lease[]> {
  return backend.lease({ queue, limit, leaseMs, waitMs, signal });
}
