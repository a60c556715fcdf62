import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import type { Row } from "../src/row.ts";

const run = promisify(execFile);
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "waybill-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bench = (...args: readonly string[]): Promise<{ stdout: string; stderr: string }> =>
  run(process.execPath, ["--conditions=waybill-source", main, ...args], {
    env: { ...process.env, WAYBILL_BENCH_DIR: folder },
  });

const pairs = (metric: string, concurrency: readonly number[]): string[] =>
  concurrency.flatMap((each) => [`sqlite ${metric} ${each}`, `sqlite ${metric}_logged ${each}`]);

/** The brokers have servers and rivals of their own, which take minutes. */
const embedded = ["enqueue", "bulk", "process", "cpu", "latency", "idle", "memory", "push"];

test("a quick run measures every scenario of the embedded backends and writes its rows", async () => {
  const file = join(folder, "rows.json");
  const { stdout, stderr } = await bench("--quick", "--json", file, ...embedded.flatMap((name) => ["--only", name]));
  expect(stderr).toBe("");
  const rows = JSON.parse(readFileSync(file, "utf8")) as Row[];
  expect(rows.map((row) => `${row.backend} ${row.metric} ${row.concurrency}`)).toEqual([
    ...pairs("enqueue", [50]),
    "sqlite enqueue_bulk 1000",
    ...pairs("process", [1, 10, 50, 100]),
    "memory cpu 50",
    "memory cpu_logged 50",
    "sqlite latency_p50 1",
    "sqlite latency_p99 1",
    "sqlite latency_across_processes_p50 1",
    "sqlite latency_across_processes_p99 1",
    "sqlite idle_cpu 10",
    "sqlite idle_cpu_1000_schedules 10",
    "sqlite rss 50",
    "http push 50",
    "http push_logged 50",
  ]);
  for (const row of rows) {
    expect(row.ours, row.metric).toBeGreaterThan(0);
    expect(row.ratio === null, row.metric).toBe(row.theirs === null);
    if (row.theirs !== null) expect((row.ratio ?? 0) / (row.ours / row.theirs)).toBeCloseTo(1, 1);
    if (row.unit === "jobs/s") expect(row.peer).toBe("raw node:sqlite");
  }
  for (const fact of [process.version, "cores", "synchronous = FULL", folder]) expect(stdout).toContain(fact);
  expect(stdout).toMatch(/^sqlite +process +50 +[\d,]+ +[\d,]+ +jobs\/s +\d+\.\d\d +\S+ +raw node:sqlite$/m);
  expect(readdirSync(folder)).toEqual(["rows.json"]);
});

test("an unknown scenario ends the run with the names there are", async () => {
  const failure = await bench("--only", "speed").catch((error: unknown) => error as { code: number; stderr: string });
  expect(failure).toMatchObject({ code: 1, stderr: expect.stringContaining("enqueue, bulk, process") });
});
