import { chmodSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { doctorOf } from "@waybill/core/backend";
import { migrate } from "../../src/index.ts";
import { message, open, temporaryFile } from "../temporary-file.ts";

const before = process.umask();
afterEach(() => process.umask(before));

/** The mode of every file in the folder, by the end of its name. */
function modesBeside(path: string): Record<string, string> {
  const folder = dirname(path);
  const entries = readdirSync(folder).map((name): [string, string] => {
    return [name.replace("waybill.db", ""), (statSync(join(folder, name)).mode & 0o777).toString(8)];
  });
  return Object.fromEntries(entries);
}

test.each([0o000, 0o022, 0o077, 0o777])(
  "with a umask of %o, a new file and those beside it are their owner's alone",
  async (umask) => {
    const path = temporaryFile();
    process.umask(umask);
    const backend = await open({ path });
    await backend.enqueue([message()]);
    process.umask(before);
    expect(modesBeside(path)).toEqual({ "": "600", "-wal": "600", "-shm": "600" });
    const migrated = temporaryFile();
    process.umask(umask);
    await migrate(`sqlite:${migrated}`);
    process.umask(before);
    expect(modesBeside(migrated)).toEqual({ "": "600" });
  },
);

test("an existing file keeps its mode", async () => {
  const path = temporaryFile();
  await migrate(`sqlite:${path}`);
  chmodSync(path, 0o660);
  const backend = await open({ path });
  await backend.enqueue([message()]);
  expect(modesBeside(path)).toEqual({ "": "660", "-wal": "660", "-shm": "660" });
});

test.each([
  { mode: 0o600, severity: "ok" },
  { mode: 0o660, severity: "ok" },
  { mode: 0o644, severity: "note" },
  { mode: 0o666, severity: "warning" },
])("the doctor says who has access: a file of mode $mode is $severity", async ({ mode, severity }) => {
  const path = temporaryFile();
  const backend = await open({ path });
  chmodSync(path, mode);
  const found = (await doctorOf(backend)?.checks())?.find(({ check }) => check === "sqlite.mode");
  expect(found).toMatchObject({ severity });
  expect(found?.remedy ?? "").toContain(severity === "ok" ? "" : `chmod o-rwx "${path}"`);
});
