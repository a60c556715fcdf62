import { appendFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSpool } from "../src/worker/spool.ts";
import { temporaryFolder } from "./demo-process.ts";

/** No process has it: the kernel's limit is 2^22. */
const DEAD_PID = 5_000_000;
const event = { at: 1, event: "started", id: "a", type: "t", queue: "q" } as const;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

test("events come in order, again until they are marked as delivered, and are then removed from the disk", async () => {
  const spool = openSpool(folder.path);
  spool.append(event);
  spool.append({ ...event, id: "b" });
  const first = spool.next();
  expect(first?.events.map(({ seq, id }) => [seq, id])).toEqual([
    [1, "a"],
    [2, "b"],
  ]);
  expect(spool.next()?.events).toEqual(first?.events);
  spool.append({ ...event, id: "c" });
  first?.delivered();
  const second = spool.next();
  expect(second?.events.map(({ seq }) => seq)).toEqual([3]);
  second?.delivered();
  expect(spool.next()).toBeNull();
  expect((await stat(join(folder.path, `${spool.source}.ndjson`))).size).toBe(0);
  spool.append({ ...event, id: "d" });
  expect(spool.next()?.events.map(({ seq }) => seq)).toEqual([4]);
});

test("a killed worker's events go first, without the line the kill cut short", async () => {
  const line = JSON.stringify({ ...event, source: "old", pid: DEAD_PID, seq: 7 });
  await appendFile(join(folder.path, `1000-old-${DEAD_PID}.ndjson`), `${line}\n${line.slice(0, 20)}`);
  const spool = openSpool(folder.path);
  spool.append(event);
  const left = spool.next();
  expect(left?.events.map(({ source, seq }) => [source, seq])).toEqual([["old", 7]]);
  left?.delivered();
  const own = spool.next();
  expect(own?.events.map(({ source }) => source)).toEqual([spool.source]);
  expect(await readdir(folder.path)).toEqual([`${spool.source}.ndjson`]);
});

test("a living worker's file is left to that worker", async () => {
  const theirs = join(folder.path, `1000-old-${process.ppid}.ndjson`);
  await appendFile(theirs, `${JSON.stringify({ ...event, source: "theirs", pid: process.ppid, seq: 1 })}\n`);
  expect(openSpool(folder.path).next()).toBeNull();
  expect((await stat(theirs)).size).toBeGreaterThan(0);
});

test("closing leaves no empty file, and leaves undelivered events for the next worker", async () => {
  const first = openSpool(folder.path);
  first.close();
  expect(await readdir(folder.path)).toEqual([]);
  const second = openSpool(folder.path);
  second.append(event);
  second.close();
  // This process runs, but files with its id count as abandoned when a spool opens: a process has one spool.
  expect(openSpool(folder.path).next()?.events).toHaveLength(1);
});
