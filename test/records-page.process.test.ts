import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { read } from "./workspace.ts";

const programs = [...read("docs/records.md").matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, program = ""]) => program);

/** Starts the nth program of docs/records.md, as it is printed, in a folder of its own. */
function started(number: number, port = 0): { output(): string; end(signal: "SIGTERM" | null): Promise<unknown[]> } {
  const folder = mkdtempSync(join(tmpdir(), "waybill-page-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const flags = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning", "--input-type=module"];
  const child = spawn(process.execPath, [...flags, "-e", programs[number] ?? ""], {
    cwd: folder,
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const closed = once(child, "close");
  return {
    output: () => output,
    async end(signal) {
      if (signal !== null) child.kill(signal);
      return closed;
    },
  };
}

test("docs/records.md: a job is watched until it has ended, and its record has progress and log lines", async () => {
  const program = started(0);
  expect(await program.end(null)).toEqual([0, null]);
  expect(program.output()).toContain("completed 4");
  expect(program.output()).toContain("reading the photo");
}, 60_000);

test("docs/records.md: a page gets the progress of a job by server-sent events, until the job has ended", async () => {
  const program = started(1, await freePort());
  await expect.poll(program.output, { timeout: 30_000 }).toContain("http://localhost:");
  const origin = program.output().trim();
  expect(await (await fetch(origin)).text()).toContain("<progress>");
  const id = await (await fetch(`${origin}/start`, { method: "POST" })).text();
  const events = await (await fetch(`${origin}/events/${id}`)).text();
  const seen = [...events.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data) as { state: string });
  expect(seen.map(({ state }) => state)).toContain("running");
  expect(seen.at(-1)).toMatchObject({ state: "completed", progress: { done: 20, total: 20 } });
  expect(await program.end("SIGTERM")).toEqual([0, null]);
}, 60_000);
