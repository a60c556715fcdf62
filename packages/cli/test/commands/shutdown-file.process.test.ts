import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, start, until, waybill } from "../cli.ts";

const linesIn = (path: string): Record<string, unknown>[] => jsonLines(readFileSync(path, "utf8"));

test("R44: the summary is in the local file when the reader of stdout is gone", async () => {
  const { folder, env } = freshPlace();
  const file = join(folder, "shutdown.log");
  await waybill(["enqueue", "slow.step", "--jobs", fixture("jobs")], { env });
  const args = ["worker", "--jobs", fixture("jobs"), "--queues", "slow", "--drain", "0"];
  const worker = start(args, { ...env, WAYBILL_SHUTDOWN_FILE: file });
  await until("the job has started", () => worker.stdout().includes('"event":"started"'));
  worker.child.stdout.destroy();
  worker.child.kill("SIGTERM");
  expect((await worker.ended).code).toBe(0);
  expect(linesIn(file)).toEqual([
    expect.objectContaining({ event: "stopped", reason: "SIGTERM", released: 1, unfinished: 0 }),
  ]);
});

test.for([
  ["exits", 7, {}],
  ["throws", 1, { error: expect.objectContaining({ name: "TypeError", message: "the driver is broken" }) as unknown }],
] as const)("R44: a handler that %s ends the process, and the file says so", async ([type, exitCode, more]) => {
  const { folder, env } = freshPlace();
  const file = join(folder, "shutdown.log");
  const jobs = ["--jobs", fixture("ends-process")];
  await waybill(["enqueue", type, ...jobs], { env });
  const { code } = await waybill(["worker", ...jobs, "--shutdown-file", file], { env });
  expect(code).toBe(exitCode);
  const message = `the process ended with exit code ${exitCode} before its worker had stopped`;
  expect(linesIn(file)).toEqual([
    expect.objectContaining({ event: "fatal", level: "error", running: 1, message, ...more }),
  ]);
});

test("R44: a worker that cannot start says so in the file", async () => {
  const { folder } = freshPlace();
  const file = join(folder, "shutdown.log");
  const env = { WAYBILL_URL: "redis://127.0.0.1:1" };
  const { code, stderr } = await waybill(["worker", "--jobs", fixture("jobs"), "--shutdown-file", file], { env });
  expect(code).toBe(1);
  const [line] = linesIn(file);
  expect(line).toMatchObject({ event: "fatal", level: "error" });
  expect(stderr).toContain(String(line?.["message"]));
});

test("R44: a worker whose file cannot be opened does not start", async () => {
  const { folder, env } = freshPlace();
  const file = join(folder, "none", "shutdown.log");
  const { code, stdout, stderr } = await waybill(["worker", "--jobs", fixture("jobs"), "--shutdown-file", file], {
    env,
  });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("create its folder first");
});
