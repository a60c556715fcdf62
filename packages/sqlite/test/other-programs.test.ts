import { readdirSync, readFileSync } from "node:fs";
import { DatabaseSync, type DatabaseSyncOptions } from "node:sqlite";
import { isWaybillError } from "@waybill/core";
import { describe, expect, onTestFinished, test } from "vitest";
import type { SqliteBackend } from "../src/backend.ts";
import { migrate, schemaVersion as NOW } from "../src/index.ts";
import { assertSqliteVersion } from "../src/file/open-file.ts";
import { applicationId, schemaSteps } from "../src/schema/steps.ts";
import { lease, message, open, temporaryFile } from "./temporary-file.ts";

/** A connection of another program. */
function theirs(path: string, sql = "", options: DatabaseSyncOptions & Record<string, unknown> = {}): DatabaseSync {
  const db = new DatabaseSync(path, options);
  onTestFinished(() => db.close());
  db.exec(sql);
  return db;
}

/** Calls everything that a backend does with a job once, and both calls in a transaction on `db`. */
async function useAll(backend: SqliteBackend, db: DatabaseSync): Promise<void> {
  const first = message({ id: "first", body: "a é and a 😀", priority: 3 });
  const twin = message({ id: "twin" });
  expect(await backend.enqueue([first, message({ id: "delayed", delayMs: 30 })])).toMatchObject([{ ok: true }, {}]);
  db.exec("BEGIN IMMEDIATE");
  const stored = await backend.enqueueIn(db, [twin, first, { ...first, body: "another" }]);
  expect(stored).toMatchObject([{ value: { stored: true } }, { value: { stored: false } }, { ok: false }]);
  db.exec("COMMIT");
  const [one, two] = await lease(backend, { limit: 2 });
  expect([one, two]).toMatchObject([
    { id: "first", body: first.body, priority: 3 },
    { id: "twin", attempt: 1 },
  ]);
  if (!one || !two) throw new Error("no leases");
  db.exec("BEGIN IMMEDIATE");
  await backend.completeIn(db, one);
  await expect(backend.completeIn(db, one)).rejects.toMatchObject({ code: "LEASE_LOST" });
  db.exec("COMMIT");
  await backend.deadLetter(two, { code: "TEST", message: "why" });
  expect(await backend.inspector.replay()).toBe(1);
  db.exec(`INSERT INTO waybill_inbox (id, envelope) VALUES ('arrived', '{"id":"arrived"}')`);
  const seen: string[] = [];
  while (seen.length < 3) {
    const leases = await lease(backend, { limit: 3, waitMs: 5_000 });
    seen.push(...leases.map(({ id }) => id));
    for (const result of await backend.ack(leases)) expect(result).toMatchObject({ ok: true });
  }
  expect(seen.sort()).toEqual(["arrived", "delayed", "twin"]);
  expect(await backend.inspector.counts()).toMatchObject([{ ready: 0, leased: 0, delayed: 0, dead: 0, finished: 4 }]);
}

const NODE = Number.parseInt(process.versions.node, 10);

describe("a connection that is handed in works with any settings of its owner", () => {
  test.for<[string, DatabaseSyncOptions & Record<string, unknown>]>([
    ["", { readBigInts: true }],
    ["", { returnArrays: true }],
    ["", { allowBareNamedParameters: false, allowUnknownNamedParameters: false }],
    ["", { enableDoubleQuotedStringLiterals: true, enableForeignKeyConstraints: false }],
    ["", { defensive: true }],
    ["PRAGMA full_column_names = ON; PRAGMA short_column_names = OFF", {}],
    // On Node 22, run() ends at the row that this deprecated pragma adds; the README says so.
    ...(NODE < 24 ? [] : [["PRAGMA count_changes = ON", {}] satisfies [string, object]]),
    ["PRAGMA empty_result_callbacks = ON", {}],
    ["PRAGMA reverse_unordered_selects = ON", {}],
    ["PRAGMA case_sensitive_like = ON", {}],
    ["PRAGMA recursive_triggers = ON", {}],
    ["PRAGMA trusted_schema = OFF", {}],
    ["PRAGMA legacy_alter_table = ON; PRAGMA writable_schema = ON", {}],
    ["PRAGMA ignore_check_constraints = ON", {}],
    ["PRAGMA read_uncommitted = ON", {}],
    ["PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; PRAGMA busy_timeout = 5000", {}],
  ])("%s %j", async ([sql, options]) => {
    const path = temporaryFile();
    const backend = await open({ path });
    await useAll(backend, theirs(path, sql, options));
  });

  test("every statement is prepared by the one function that overrides the owner's settings", () => {
    const folder = new URL("../src/", import.meta.url);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      (name) => name.endsWith(".ts") && name !== "sql/statement.ts",
    );
    const strange = files.filter((name) => readFileSync(new URL(name, folder), "utf8").includes(".prepare("));
    expect(strange).toEqual([]);
  });
});

describe("settings that another program stored in the file change nothing for waybill", () => {
  const KEPT = [
    "PRAGMA page_size = 512",
    "PRAGMA auto_vacuum = FULL",
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA journal_mode = TRUNCATE",
    "PRAGMA journal_mode = PERSIST",
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL",
  ];

  test.for(KEPT)("%s, before the first table", async (sql) => {
    const path = temporaryFile();
    const db = new DatabaseSync(path);
    db.exec(`${sql}; CREATE TABLE gone (x); DROP TABLE gone`);
    db.close();
    await useAll(await open({ path }), theirs(path));
  });

  test.for(KEPT)("%s, later", async (sql) => {
    const path = temporaryFile();
    await migrate(`sqlite:${path}`);
    const db = new DatabaseSync(path);
    db.exec(`${sql}; VACUUM`);
    db.close();
    await useAll(await open({ path }), theirs(path));
  });

  test("no program can switch the journal of a file that waybill has open", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    expect(() => theirs(path, "PRAGMA journal_mode = DELETE")).toThrow(/locked/);
    await useAll(backend, theirs(path));
  });

  test("a foreign key of another program does not keep a finished job", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    const keys = "REFERENCES waybill_jobs (id)";
    theirs(path, `CREATE TABLE orders (job TEXT ${keys})`, {});
    await backend.enqueue([message({ id: "kept" })]);
    theirs(path, "INSERT INTO orders VALUES ('kept')");
    expect(await backend.ack(await lease(backend))).toEqual([{ ok: true, value: null }]);
    expect(await backend.inspector.counts()).toMatchObject([{ leased: 0, finished: 1 }]);
  });
});

describe("a setting that cannot be overridden is refused by name", () => {
  async function refusalOf(work: Promise<unknown>): Promise<string> {
    const thrown = await work.then(
      () => null,
      (error: unknown) => error,
    );
    return isWaybillError(thrown) ? `${thrown.code}: ${thrown.message}` : `not refused by name: ${String(thrown)}`;
  }

  test.for([
    ["PRAGMA user_version = 0", `^CONFIG_INVALID.*waybill\\.db" has tables of schema ${NOW}, and user_version says 0`],
    ["PRAGMA user_version = 1", `^CONFIG_INVALID.*Set it back by PRAGMA user_version = ${NOW}`],
    ["PRAGMA user_version = 77", `^CONFIG_INVALID.*If another program set user_version, set it back to ${NOW}`],
    ["PRAGMA application_id = 7", /^CONFIG_INVALID.*was not made by waybill/],
    ["PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE", /^BACKEND_UNAVAILABLE.*has kept the write lock.*waybill\.db/],
  ] as const)("%s", async ([sql, expected]) => {
    const path = temporaryFile();
    await migrate(`sqlite:${path}`);
    theirs(path, sql);
    expect(await refusalOf(open({ path, busyTimeoutMs: 50 }))).toMatch(new RegExp(expected));
  });

  test.for([
    ["without a table", "CREATE TABLE gone (x); DROP TABLE gone"],
    ["with ours", `${schemaSteps.join("")}; PRAGMA application_id = ${applicationId}`],
  ] as const)("UTF-16 in a file %s, since a text has other bytes there than its program wrote", async ([, sql]) => {
    const path = temporaryFile();
    theirs(path, `PRAGMA encoding = 'UTF-16le'; ${sql}`);
    expect(await refusalOf(open({ path }))).toMatch(/^CONFIG_INVALID.*stores text as UTF-16le, .*needs UTF-8/);
  });

  test("a Node with a SQLite that is too old, before any other error about the file", () => {
    expect(() => assertSqliteVersion("3.37.2")).toThrow(/built with SQLite 3\.37\.2, and waybill needs 3\.38 or newer/);
    for (const fine of ["3.38.0", "3.53.4", "4.0"]) expect(() => assertSqliteVersion(fine)).not.toThrow();
  });

  test.for<[string, string, Record<string, unknown>, RegExp]>([
    ["a read-only handle", "BEGIN", { readOnly: true }, /BACKEND_UNAVAILABLE.*cannot be written/],
    ["query_only", "PRAGMA query_only = ON; BEGIN", {}, /BACKEND_UNAVAILABLE.*cannot be written/],
    ["a transaction that a conflict has ended", "", {}, /CONFIG_INVALID.*no transaction is open/],
  ])("%s", async ([name, sql, options, expected]) => {
    const path = temporaryFile();
    const backend = await open({ path });
    theirs(path, "CREATE TABLE theirs (x UNIQUE ON CONFLICT ROLLBACK)");
    const db = theirs(path, sql, options);
    if (sql === "") expect(() => db.exec("BEGIN; INSERT INTO theirs VALUES (1), (1)")).toThrow(/UNIQUE/);
    expect(await refusalOf(backend.enqueueIn(db, [message()])), name).toMatch(expected);
  });

  test("a transaction that read before another program wrote", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    const db = theirs(path, "BEGIN; SELECT count(*) FROM waybill_jobs");
    await backend.enqueue([message()]);
    expect(await refusalOf(backend.enqueueIn(db, [message()]))).toMatch(/your transaction.*by BEGIN IMMEDIATE/);
  });
});

describe("a trigger of another program on our tables", () => {
  test("leaves no part of a job in a transaction that commits after the failure", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    const refuse = (name: string, on: string): string =>
      `CREATE TRIGGER ${name} BEFORE ${on} BEGIN SELECT RAISE(ABORT, 'not now'); END`;
    await backend.enqueue([message({ id: "leased" })]);
    const [leased] = await lease(backend);
    if (!leased) throw new Error("no lease");
    const db = theirs(
      path,
      `${refuse("a", "INSERT ON waybill_ready")}; ${refuse("b", "DELETE ON waybill_jobs")}; BEGIN`,
    );
    await expect(backend.enqueueIn(db, [message({ id: "again" })])).rejects.toThrow(/not now/);
    await expect(backend.completeIn(db, leased)).rejects.toThrow(/not now/);
    db.exec("DROP TRIGGER a; DROP TRIGGER b; COMMIT");
    expect(await backend.enqueue([message({ id: "again" })])).toMatchObject([{ value: { stored: true } }]);
    expect(await backend.ack([leased])).toEqual([{ ok: true, value: null }]);
  });

  test("is named by the doctor, and a job that it removes is not reported as stored", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    theirs(path, "CREATE TRIGGER swallow BEFORE INSERT ON waybill_jobs BEGIN SELECT RAISE(IGNORE); END");
    const [result] = await backend.enqueue([message()]);
    expect(result).toMatchObject({ ok: false, error: { message: expect.stringContaining("drop the trigger") } });
    const findings = await backend.doctor.checks();
    const finding = findings.find(({ check }) => check === "sqlite.triggers");
    expect(finding).toMatchObject({ severity: "warning", message: expect.stringContaining('"swallow"') });
  });

  test("a job whose dead letter it keeps out is not dead-lettered, and not lost", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue([message({ id: "kept" })]);
    const [leased] = await lease(backend);
    if (!leased) throw new Error("no lease");
    theirs(path, "CREATE TRIGGER swallow BEFORE INSERT ON waybill_dead BEGIN SELECT RAISE(IGNORE); END");
    await expect(backend.deadLetter(leased, { code: "CARD", message: "declined" })).rejects.toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message:
        'job "kept" was not dead-lettered: a trigger that another program put on waybill_dead refuses it; drop the trigger',
    });
    await backend.retry(leased, { delayMs: 0, countsAttempt: false });
    expect(await lease(backend)).toMatchObject([{ id: "kept" }]);
  });
});
