import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { freshPlace, waybill } from "../cli.ts";

const versionOf = (path: string): unknown => {
  const db = new DatabaseSync(path);
  const row = db.prepare("PRAGMA user_version").get();
  db.close();
  return row?.["user_version"];
};

test("waybill migrate lays out a new file, and says so again when there is nothing to do", async () => {
  const { env, folder, url } = freshPlace();
  const first = await waybill(["migrate"], { env });
  expect(first).toEqual({ code: 0, stdout: expect.stringMatching(/ went from schema 0 to \d+\.\n$/), stderr: "" });
  const version = versionOf(join(folder, "jobs.db"));
  expect(version).toBeGreaterThan(0);
  const again = await waybill(["migrate", "--json"], { env });
  expect(JSON.parse(again.stdout)).toEqual({ backend: url, from: version, to: version });
  expect(versionOf(join(folder, "jobs.db"))).toBe(version);
});

test("waybill migrate refuses a file with a newer schema, and leaves it alone", async () => {
  const { env, folder } = freshPlace();
  await waybill(["migrate"], { env });
  const db = new DatabaseSync(join(folder, "jobs.db"));
  db.exec("PRAGMA user_version = 999");
  db.close();
  const result = await waybill(["migrate", "--json"], { env });
  expect(result).toMatchObject({ code: 2, stdout: "" });
  expect(JSON.parse(result.stderr)).toMatchObject({ error: { message: expect.stringContaining("999") } });
  expect(versionOf(join(folder, "jobs.db"))).toBe(999);
});
