import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { read } from "./workspace.ts";

/** Runs the only program of a page in a folder of its own. Ends it by SIGTERM once it has printed `until`. */
async function runs(
  page: string,
  until: string | null,
  env: Readonly<Record<string, string>> = {},
  meanwhile: (child: ChildProcess) => Promise<void> = async () => undefined,
): Promise<string> {
  const [, program = ""] = /^```js\n([\s\S]*?)^```/m.exec(read(page)) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "waybill-page-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const flags = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning", "--input-type=module"];
  const child = spawn(process.execPath, [...flags, "-e", program], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    if (until !== null && output.includes(until)) child.kill("SIGTERM");
  });
  const closed = once(child, "close");
  await meanwhile(child);
  expect(await closed).toEqual([0, null]);
  return output;
}

test("docs/control.md: a job is found, moved, run now and cancelled, as it is printed", async () => {
  const output = await runs("docs/control.md", null);
  expect(output).toContain("state: 'delayed'");
  expect(output).toContain("cancelled: 1");
}, 60_000);

test("docs/idempotency.md: the second step sees the stored result of the first, as it is printed", async () => {
  const output = await runs("docs/idempotency.md", '"completed"');
  expect(output).toContain("mail about ch_1");
}, 60_000);

test("docs/why.md: a job of a queue without a worker, as it is printed", async () => {
  const output = await runs("docs/why.md", null);
  const code = "NO_WORKER";
  const text = 'No live worker leases from queue "default": no worker is alive at all.';
  const remedy = "Start a worker with this queue, or check the `queues` of those that run: waybill workers";
  expect(output).toContain([code, text, remedy, ""].join("\n"));
}, 60_000);

test("docs/dashboard.md: its page is served in Express to who has the password, as it is printed", async () => {
  const port = await freePort();
  const env = { PORT: String(port), WAYBILL_URL: "memory:", DASHBOARD_PASSWORD: "a long password" };
  const output = runs("docs/dashboard.md", null, env, async (child) => {
    const headers = { authorization: `Basic ${Buffer.from("ops:a long password").toString("base64")}` };
    const page = (): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/admin/jobs`, { headers }).catch(() => pause(50).then(page));
    expect(await (await page()).text()).toContain("<title>waybill</title>");
    expect((await fetch(`http://127.0.0.1:${port}/admin/jobs/`)).status).toBe(401);
    child.kill("SIGTERM");
  });
  await output;
}, 60_000);
