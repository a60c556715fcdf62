import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isWaybillError } from "@waybill/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { migrate, schemaVersion } from "../../src/index.ts";
import { openFile } from "../../src/file/open-file.ts";
import { settingsOf } from "../../src/options/options.ts";
import { migrateSchema } from "../../src/schema/migrate.ts";
import { applicationId, schemaSteps } from "../../src/schema/steps.ts";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

async function refusalOf(work: Promise<unknown>, code: "CONFIG_INVALID" | "BACKEND_UNAVAILABLE"): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    if (isWaybillError(thrown, code)) return thrown.message;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

test("a new file that another process sets up at the same moment is opened", async () => {
  const path = temporaryFile("new.db");
  const prepare = DatabaseSync.prototype.prepare;
  let others = 0;
  // The other one is as fast as can be: it comes between two looks at the file.
  vi.spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (this: DatabaseSync, sql) {
    if (sql === "PRAGMA user_version" && others++ === 0) {
      const other = new DatabaseSync(path);
      other.exec("PRAGMA busy_timeout = 0");
      try {
        migrateSchema(other, path);
      } catch (thrown) {
        expect(String(thrown)).toContain("locked");
      }
      other.close();
    }
    return prepare.call(this, sql);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const { db, migrated } = await openFile(settingsOf({ path }));
  db.close();
  expect(others).toBeGreaterThan(1);
  expect(migrated.to).toBe(schemaVersion);
});

describe("a file that cannot be used is refused when it is opened, with its name and what to do", () => {
  test("a file that is not a database is left as it is", async () => {
    const path = temporaryFile("notes.txt");
    writeFileSync(path, "not a database, and long enough to be read as a header".repeat(40));
    const before = readFileSync(path);
    expect(await refusalOf(open({ path }), "CONFIG_INVALID")).toMatch(/notes\.txt" is not a SQLite database; .*move/);
    expect(readFileSync(path)).toEqual(before);
  });

  test("another application's database is left as it is", async () => {
    const path = temporaryFile("shop.db");
    const shop = new DatabaseSync(path);
    shop.exec("CREATE TABLE orders (id)");
    shop.close();
    const before = readFileSync(path);
    expect(await refusalOf(open({ path }), "CONFIG_INVALID")).toMatch(
      /shop\.db" was not made by waybill .*migrate --url "sqlite:.*shop\.db"/,
    );
    expect(readFileSync(path)).toEqual(before);
  });

  test("a database with another application's id is refused even when it is empty", async () => {
    const path = temporaryFile("other.db");
    const other = new DatabaseSync(path);
    other.exec("PRAGMA application_id = 77");
    other.close();
    expect(await refusalOf(open({ path }), "CONFIG_INVALID")).toContain(
      'other.db" was not made by waybill (application_id 77)',
    );
  });

  test("a newer schema is refused by both version numbers", async () => {
    const path = temporaryFile();
    await migrate(`sqlite:${path}`);
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 99");
    db.close();
    const refusal = await refusalOf(open({ path }), "CONFIG_INVALID");
    expect(refusal).toContain("schema 99");
    expect(refusal).toContain(`up to ${schemaVersion}; update the package`);
  });

  test("a damaged schema is refused", async () => {
    const path = temporaryFile();
    await migrate(`sqlite:${path}`);
    const bytes = readFileSync(path);
    bytes.fill(0xff, 100, 4_096);
    writeFileSync(path, bytes);
    expect(await refusalOf(open({ path }), "CONFIG_INVALID")).toContain(".recover");
  });

  test("a folder is refused", async () => {
    const path = dirname(temporaryFile());
    expect(await refusalOf(open({ path }), "CONFIG_INVALID")).toContain(`${path}/waybill.db`);
  });

  test("a missing folder is refused", async () => {
    const path = temporaryFile("missing/waybill.db");
    expect(await refusalOf(open({ path }), "CONFIG_INVALID")).toMatch(/folder ".*missing" does not exist; make it/);
    mkdirSync(dirname(path));
    await open({ path });
  });
});

test("a page damaged under a running backend is reported with the file and how to save the rest", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  await backend.enqueue(Array.from({ length: 200 }, () => message({ body: "x".repeat(2_000) })));
  await backend.close();
  const bytes = readFileSync(path);
  bytes.fill(0xff, 60 * 4_096, bytes.length - 4_096);
  writeFileSync(path, bytes);
  const again = await open({ path });
  const refusal = await refusalOf(lease(again, { limit: 200 }), "BACKEND_UNAVAILABLE");
  expect(refusal).toContain(path);
  expect(refusal).toContain(".recover");
});

describe("the schema", () => {
  test("is made by the first process only", async () => {
    const path = temporaryFile();
    const results = await Promise.all(Array.from({ length: 6 }, () => migrate(`sqlite:${path}`)));
    expect(results.filter(({ from }) => from === 0)).toHaveLength(1);
    expect(await migrate(`sqlite:${path}`)).toEqual({ from: schemaVersion, to: schemaVersion });
  });

  test("of an earlier release is brought up to date, with the jobs that are in it", async () => {
    const path = temporaryFile();
    const earlier = new DatabaseSync(path);
    earlier.exec(`${schemaSteps[0]} PRAGMA application_id = ${applicationId}; PRAGMA user_version = 1;
      INSERT INTO waybill_inbox (id, envelope) VALUES ('a', '{"id":"a"}')`);
    earlier.close();
    expect(await migrate(`sqlite:${path}`)).toEqual({ from: 1, to: schemaVersion });
    const backend = await open({ path });
    expect(await lease(backend)).toMatchObject([{ id: "a" }]);
    await backend.workerRegistry.announce("w1", "", 1_000);
    expect(await backend.workerRegistry.list()).toHaveLength(1);
  });

  test("leaves a file in WAL mode whose writes are synced", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue([message()]);
    const header = readFileSync(path).subarray(18, 20);
    expect([...header]).toEqual([2, 2]);
    const { db } = await openFile(settingsOf({ path }));
    expect({ ...db.prepare("PRAGMA synchronous").get() }).toEqual({ synchronous: 2 });
    db.close();
  });
});

test("SQL parameters are anonymous, since Node 22.13 binds no numbered ones by position", () => {
  const folder = new URL("../../src/", import.meta.url);
  const numbered = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && /\?\d/.test(readFileSync(new URL(name, folder), "utf8")),
  );
  expect(numbered).toEqual([]);
});
