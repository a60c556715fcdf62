import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLedger, readLedger } from "../src/ledger.ts";
import { temporaryFolder } from "./demo-process.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

test("a record is in the file when append resolves, and concurrent calls share one write in their order", async () => {
  const path = join(folder.path, "deep", "ledger.ndjson");
  const ledger = await openLedger<number>(path);
  await Promise.all([ledger.append([1]), ledger.append([2, 3]), ledger.append([])]);
  expect(await readFile(path, "utf8")).toBe("1\n2\n3\n");
  await ledger.append([4]);
  expect(await readLedger(path)).toEqual([1, 2, 3, 4]);
  await ledger.close();
});

test("a line cut short by a crash does not damage the others", async () => {
  const path = join(folder.path, "ledger.ndjson");
  await appendFile(path, '{"id":1}\n{"id":2}\n{"id":');
  const ledger = await openLedger<{ id: number }>(path);
  await ledger.append([{ id: 4 }]);
  await ledger.close();
  expect(await readLedger(path)).toEqual([{ id: 1 }, { id: 2 }, { id: 4 }]);
});

test("a ledger without a file is empty", async () => {
  expect(await readLedger(join(folder.path, "none.ndjson"))).toEqual([]);
});
