import { spawn } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@waybill/core";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { read, root } from "./workspace.ts";

const programs = [...read("docs/schedules.md").matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, text = ""]) => text);

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-schedules-page-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  return () => rm(folder, { recursive: true, force: true });
});

/** Runs a program of the page as printed, in a folder of its own. */
async function run(at: number): Promise<{ output: () => string; ended: Promise<number | null>; stop: () => void }> {
  const file = join(folder, `program-${at}.mjs`);
  await writeFile(file, programs[at] ?? "");
  const child = spawn(process.execPath, ["--conditions=waybill-source", "--no-warnings", file], { cwd: folder });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { output: () => output, ended, stop: () => void child.kill("SIGTERM") };
}

test("docs/schedules.md has three programs", () => {
  expect(programs).toHaveLength(3);
});

test("its recipe declares a schedule that ticks at 3 in Vienna, and runs its job", async () => {
  const { output, ended, stop } = await run(0);
  await expect.poll(output, { timeout: 60_000 }).toContain('"booted"');
  const jobs = await connect(`sqlite:${join(folder, "waybill.db")}`, { log: "off" });
  onTestFinished(() => jobs.close());
  const [nightly] = await jobs.schedules.list();
  expect(nightly).toMatchObject({ name: "nightly-report", from: "code" });
  const hour = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Vienna", hour: "2-digit", minute: "2-digit" });
  expect(nightly?.next.map((at) => hour.format(at))).toEqual(Array.from({ length: 5 }, () => "03:00"));
  await jobs.schedules.runNow("nightly-report");
  await expect.poll(output, { timeout: 60_000 }).toContain("the report of 20");
  stop();
  expect(await ended).toBe(0);
});

test("its program of run time puts, lists and removes a schedule", async () => {
  const { output, ended } = await run(1);
  expect(await ended, output()).toBe(0);
  expect(output()).toContain("sync-7");
});

test("its test passes under node --test", async () => {
  const { output, ended } = await run(2);
  expect(await ended, output()).toBe(0);
  expect(output()).toMatch(/pass 1/);
});
