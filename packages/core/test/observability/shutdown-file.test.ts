import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, defineJob } from "@waybill/core";
import { afterEach, expect, test } from "vitest";
import { LARGEST_BYTES, openShutdownFile } from "../../src/observability/shutdown-file.ts";

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

function place(): string {
  const folder = mkdtempSync(join(tmpdir(), "waybill-shutdown-"));
  folders.push(folder);
  return join(folder, "shutdown.log");
}

const linesOf = (path: string): unknown[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);

const job = defineJob({ type: "a.b", handler: () => {} });

test("R44: the file of a worker holds the summary of each shutdown, and nothing else", async () => {
  const path = place();
  const jobs = await connect("memory:", { log: "off", jobs: [job] });
  const first = jobs.worker({ jobs: [job], shutdownFile: path });
  const second = jobs.worker({ jobs: [job], shutdownFile: path });
  await first.start();
  await second.start();
  await jobs.enqueue(job, null);
  const reports = [await first.stop("SIGTERM"), await second.stop()];
  await jobs.worker({ jobs: [job], shutdownFile: path }).stop();
  await jobs.close();
  expect(linesOf(path)).toMatchObject(reports.map((report) => ({ level: "info", event: "stopped", ...report })));
  expect(process.listenerCount("uncaughtExceptionMonitor")).toBe(0);
});

test("R44: it stays below twice its largest size, and the newest lines are kept", () => {
  const path = place();
  const file = openShutdownFile(path);
  const long = "x".repeat(100_000);
  for (let n = 0; n < 35; n++) file.write({ n, long });
  expect(readdirSync(join(path, ".."))).toEqual(["shutdown.log", "shutdown.log.1"]);
  for (const each of [path, `${path}.1`]) expect(statSync(each).size).toBeLessThanOrEqual(LARGEST_BYTES);
  expect([...linesOf(`${path}.1`), ...linesOf(path)].at(-1)).toMatchObject({ n: 34 });
  expect(linesOf(`${path}.1`).length + linesOf(path).length).toBeGreaterThanOrEqual(10);
});

test("R44: after another process has renamed or removed it, lines go to a new file of its name", () => {
  const path = place();
  const file = openShutdownFile(path);
  file.write({ n: 1 });
  renameSync(path, `${path}.old`);
  file.write({ n: 2 });
  rmSync(path);
  file.write({ n: 3 });
  expect(linesOf(path)).toEqual([{ n: 3 }]);
});

test("R44: a worker is not made if its file cannot be opened", async () => {
  const path = place();
  const folder = join(path, "..");
  const jobs = await connect("memory:", { log: "off", jobs: [job] });
  const opening = (shutdownFile: string) => () => jobs.worker({ jobs: [job], shutdownFile });
  expect(opening(join(folder, "none", "a.log"))).toThrow(/cannot be opened: .*ENOENT.*create its folder first/);
  mkdirSync(path);
  expect(opening(path)).toThrow(/is there and is no file/);
  const pipe = join(folder, "pipe");
  spawnSync("mkfifo", [pipe]);
  expect(opening(pipe)).toThrow(/is there and is no file/);
  expect(opening("")).toThrow(/shutdownFile is "": the path of a file/);
  await jobs.close();
});
