import { writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { createWake } from "../src/wake.ts";
import { watchWrites } from "../src/watch-writes.ts";
import { temporaryFile } from "./temporary-file.ts";

test("where the system does not tell of writes, a commit by another connection is found by polling", async () => {
  const path = temporaryFile();
  const ours = new DatabaseSync(path);
  ours.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
  const other = new DatabaseSync(path);
  let looks = 0;
  const wake = createWake({
    db: ours,
    wal: `${path}-nowhere`,
    now: Date.now,
    pollMs: 10,
    look: () => (looks += 1),
    over: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  wake.start(null, Infinity);
  await sleep(100);
  const before = looks;
  other.exec("INSERT INTO t VALUES (1)");
  await sleep(150);
  wake.stop();
  expect(looks).toBe(before + 1);
  ours.close();
  other.close();
});

test("a system that misses three writes in a row is not relied on any more", () => {
  const path = temporaryFile("wal");
  writeFileSync(path, "");
  const writes = watchWrites(path, () => undefined);
  expect(writes.reliable()).toBe(true);
  writes.happened();
  for (const reliable of [true, true, false]) {
    writes.happened();
    expect(writes.reliable()).toBe(reliable);
  }
});

test("a write that the system tells of is trusted again and again", async () => {
  const path = temporaryFile("wal");
  writeFileSync(path, "");
  let told = 0;
  const writes = watchWrites(path, () => (told += 1));
  for (let n = 1; n <= 5; n += 1) {
    const before = told;
    writeFileSync(path, "x".repeat(n));
    await vi.waitFor(() => expect(told).toBeGreaterThan(before));
    writes.happened();
  }
  expect(writes.reliable()).toBe(true);
  writes.close();
});
