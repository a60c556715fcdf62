import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { DatabaseSync as Database } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import type { SqliteBackend } from "../../src/backend.ts";
import { fileSystemFindings } from "../../src/management/storage-checks.ts";
import { message, open, temporaryFile } from "../temporary-file.ts";

const { DatabaseSync } = createRequire(import.meta.url)("node:sqlite") as { DatabaseSync: typeof Database };

const found = async ({ doctor }: SqliteBackend, check: string) =>
  (await doctor.checks()).find((finding) => finding.check === check);

test("a write-ahead log that another program's reader keeps from being checkpointed is a warning", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  await backend.enqueue([message()]);
  expect(await found(backend, "sqlite.wal")).toMatchObject({ severity: "ok" });
  const reader = new DatabaseSync(path);
  onTestFinished(() => reader.close());
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM sqlite_schema").get();
  const body = JSON.stringify("x".repeat(900_000));
  for (let n = 0; n < 75; n += 1) await backend.enqueue([message({ body })]);
  expect(await found(backend, "sqlite.wal")).toMatchObject({
    severity: "warning",
    message: expect.stringContaining("cannot be checkpointed"),
  });
  reader.exec("COMMIT");
}, 60_000);

test.runIf(existsSync("/dev/shm"))("a file in memory is a warning", async () => {
  const folder = mkdtempSync("/dev/shm/waybill-");
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const backend = await open({ path: join(folder, "waybill.db") });
  expect(await found(backend, "sqlite.filesystem")).toMatchObject({
    severity: "warning",
    message: expect.stringContaining("tmpfs"),
  });
  await backend.close();
});

test.each([
  [0x6969, "failure", "NFS"],
  [0xff534d42, "failure", "CIFS"],
  [0x794c7630, "warning", "overlay"],
  [0xef53, "ok", "no network"],
])("the file system type %i is %s", (type, severity, text) => {
  const [finding] = fileSystemFindings(type, "linux");
  expect(finding).toMatchObject({ check: "sqlite.filesystem", severity, message: expect.stringContaining(text) });
  expect(fileSystemFindings(type, "darwin")).toEqual([]);
});
