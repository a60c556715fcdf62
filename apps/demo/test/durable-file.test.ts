import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sweepTemporaryFiles, temporaryPath, writeDurably } from "../src/durable-file.ts";
import { temporaryFolder } from "./demo-process.ts";

/** No process has it: the kernel's limit is 2^22. */
const DEAD_PID = 5_000_000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let temporary: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  temporary = join(folder.path, "tmp");
});
afterEach(() => folder.remove());

test("a file appears whole, replaces the one before, and leaves no temporary file", async () => {
  const path = join(folder.path, "deep", "er", "file.txt");
  await writeDurably(temporary, path, "first");
  await writeDurably(temporary, path, "second");
  expect(await readFile(path, "utf8")).toBe("second");
  expect(await readdir(temporary)).toEqual([]);
});

test("a write that fails leaves neither the file nor a temporary one", async () => {
  await mkdir(join(folder.path, "taken", "inside"), { recursive: true });
  await expect(writeDurably(temporary, join(folder.path, "taken"), "text")).rejects.toThrow();
  expect(await readdir(temporary)).toEqual([]);
});

test("a sweep removes the files of killed processes, also of an earlier one with our id, and no others", async () => {
  await mkdir(temporary);
  const left = ["a", "b"].map((name) => join(temporary, `${name}.${DEAD_PID}.tmp`));
  const ours = temporaryPath(temporary);
  const living = `c.${process.ppid}.tmp`;
  for (const path of [...left, ours, join(temporary, living), join(temporary, "notes.txt")]) await writeFile(path, "");
  expect(await sweepTemporaryFiles(temporary)).toBe(3);
  expect((await readdir(temporary)).sort()).toEqual([living, "notes.txt"]);
  expect(await sweepTemporaryFiles(join(folder.path, "nowhere"))).toBe(0);
});
