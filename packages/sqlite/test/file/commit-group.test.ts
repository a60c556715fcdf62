import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "@waybill/core/backend";
import { expect, test } from "vitest";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

/**
 * Counts the transactions in the -wal file, each of which cost a sync. A frame whose header has a database size ends one
 * (sqlite.org/fileformat2.html#the_write_ahead_log). Valid while nothing was checkpointed.
 */
function commitsIn(path: string): number {
  const wal = readFileSync(`${path}-wal`);
  const frameBytes = 24 + wal.readUInt32BE(8);
  let commits = 0;
  for (let at = 32; at + frameBytes <= wal.length; at += frameBytes) {
    if (wal.readUInt32BE(at + 4) !== 0) commits += 1;
  }
  return commits;
}

test("all writes of one turn of the event loop share one commit", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  await backend.enqueue([message(), message(), message(), message()]);
  const [acked, retried, dead, extended] = await lease(backend, { limit: 4 });
  if (!acked || !retried || !dead || !extended) throw new Error("four leases expected");
  const before = commitsIn(path);
  await Promise.all([
    ...Array.from({ length: 50 }, () => backend.enqueue([message({ queue: "other" })])),
    backend.ack([acked]),
    backend.retry(retried, { delayMs: 0, countsAttempt: true }),
    backend.deadLetter(dead, { code: "TEST", message: "" }),
    backend.extend([extended], 1_000),
    lease(backend, { queue: "other" }),
  ]);
  expect(commitsIn(path) - before).toBe(1);
});

test("a waiting lease call gets a job that the same commit stores", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const waiting = lease(backend, { waitMs: 5_000 });
  await sleep(50);
  const before = commitsIn(path);
  const sent = message();
  await backend.enqueue([sent]);
  expect((await waiting).map(({ id }) => id)).toEqual([sent.id]);
  expect(commitsIn(path) - before).toBe(1);
});

test("a message that cannot be bound fails alone among ten that can", async () => {
  const backend = await open({ path: temporaryFile() });
  const broken = { ...message(), type: Symbol("broken") } as unknown as Message;
  const results = await Promise.allSettled([
    ...Array.from({ length: 5 }, () => backend.enqueue([message()])),
    backend.enqueue([broken]),
    ...Array.from({ length: 5 }, () => backend.enqueue([message()])),
  ]);
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
  expect(results[5]?.status).toBe("rejected");
  expect(await lease(backend, { limit: 20 })).toHaveLength(10);
});
