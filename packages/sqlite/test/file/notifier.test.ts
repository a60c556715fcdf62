import { writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { createNotifier } from "../../src/file/notifier.ts";
import { createWriteWatcher } from "../../src/file/write-watcher.ts";
import { temporaryFile } from "../temporary-file.ts";

test("where the system reports no writes, polling finds a commit of another connection", async () => {
  const path = temporaryFile();
  const ours = new DatabaseSync(path);
  ours.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
  const other = new DatabaseSync(path);
  let wakes = 0;
  const notifier = createNotifier({
    db: ours,
    wal: `${path}-nowhere`,
    now: Date.now,
    pollMs: 10,
    wake: () => (wakes += 1),
    failed: (error) => {
      throw error;
    },
  });
  notifier.start(null);
  await sleep(100);
  const before = wakes;
  other.exec("INSERT INTO t VALUES (1)");
  await sleep(150);
  notifier.stop();
  expect(wakes).toBe(before + 1);
  ours.close();
  other.close();
});

test("a system that misses three writes in a row is no longer relied on", () => {
  const path = temporaryFile("wal");
  writeFileSync(path, "");
  const writes = createWriteWatcher(path, () => undefined);
  expect(writes.isReliable()).toBe(true);
  writes.foundWrite();
  for (const reliable of [true, true, false]) {
    writes.foundWrite();
    expect(writes.isReliable()).toBe(reliable);
  }
});

test("a system that reports every write stays reliable", async () => {
  const path = temporaryFile("wal");
  writeFileSync(path, "");
  let reported = 0;
  const writes = createWriteWatcher(path, () => (reported += 1));
  for (let n = 1; n <= 5; n += 1) {
    const before = reported;
    writeFileSync(path, "x".repeat(n));
    await vi.waitFor(() => expect(reported).toBeGreaterThan(before));
    writes.foundWrite();
  }
  expect(writes.isReliable()).toBe(true);
  writes.close();
});
