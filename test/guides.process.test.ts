import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, serviceUrl } from "@waybill/test-servers";
import { Client } from "pg";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { blocksOf, jobsFile } from "./code-blocks/blocks.ts";
import { guides } from "./guides.ts";
import { root } from "./workspace.ts";

const FLAGS = ["--conditions=waybill-source", "--no-warnings"];

/** Creates a folder with the programs of a page, as printed, and the file of jobs that pages take for granted. */
async function folderOf(page: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-guide-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "jobs.js"), jobsFile);
  for (const { file, code } of blocksOf(page)) if (file !== null) await writeFile(join(folder, file), code);
  return folder;
}

interface Running {
  readonly output: () => string;
  readonly ended: Promise<number | null>;
  readonly stop: () => void;
}

function start(folder: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [...FLAGS, ...args], { cwd: folder, env: { ...process.env, ...env } });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { output: () => output, ended, stop: () => void child.kill("SIGTERM") };
}

/** What a program printed, once it has ended well. */
async function outputOf(
  folder: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<string> {
  const { output, ended } = start(folder, args, env);
  expect(await ended, output()).toBe(0);
  return output();
}

/** The first program of a page that says what it prints, and that text. */
function shownOn(page: string): { file: string; prints: string } {
  const all = blocksOf(page);
  const at = all.findIndex(({ language }) => language === "text");
  return { file: all[at - 1]?.file ?? "", prints: all[at]?.code ?? "" };
}

describe("a guide shows what its first program prints", () => {
  const pages = guides.filter((page) => blocksOf(page).some(({ file }) => file === "main.js" || file === "report.js"));

  test("on five pages at least", () => expect(pages.length).toBeGreaterThanOrEqual(4));

  test.each(pages)(
    "%s",
    async (page) => {
      const { file, prints } = shownOn(page);
      expect(await outputOf(await folderOf(page), [file])).toBe(prints);
    },
    120_000,
  );
});

test("docs/jobs.md: the job of the producer runs in the worker, by one definition", async () => {
  const folder = await folderOf("docs/jobs.md");
  expect(await outputOf(folder, ["producer.js"])).toBe("stored\n");
  const worker = start(folder, ["worker.js"]);
  await expect.poll(worker.output, { timeout: 60_000 }).toContain("p1.jpg at 640 px\n");
  await expect.poll(worker.output, { timeout: 60_000 }).toContain('"settled"');
  worker.stop();
  expect(await worker.ended).toBe(0);
}, 120_000);

describe("docs/transactions.md on PostgreSQL", () => {
  let url = "";
  beforeAll(async () => {
    url = await serviceUrl("postgres");
  }, 120_000);

  test("stores the order and its job in one commit", async () => {
    const folder = await folderOf("docs/transactions.md");
    const client = new Client(url);
    await client.connect();
    onTestFinished(() => client.end());
    await client.query("CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY)");
    onTestFinished(async () => void (await client.query("DROP TABLE orders")));
    const { code = "" } = blocksOf("docs/transactions.md").find(({ file }) => file === "checkout.js") ?? {};
    const usual = "postgres://app:secret@127.0.0.1:5432/shop";
    await writeFile(join(folder, "checkout.js"), code.replace(usual, url));
    expect(await outputOf(folder, ["checkout.js"])).toBe("order and job are stored\n");
    expect((await client.query("SELECT id FROM orders")).rows).toEqual([{ id: "o_7" }]);
  }, 120_000);
});

test("docs/testing.md: both of its tests pass under node --test", async () => {
  const folder = await folderOf("docs/testing.md");
  const said = await outputOf(folder, ["--test", "--test-reporter=tap", "jobs.test.js", "crash.test.ts"]);
  expect(said).toMatch(/^# pass 2$/m);
}, 120_000);

describe("docs/other-languages.md", () => {
  const command = join(root, "packages/cli/src/main.ts");

  test("its python program enqueues a job that its worker runs", async (context) => {
    if (spawnSync("python3", ["--version"]).status !== 0) return context.skip("python3 is not on this machine");
    const folder = await folderOf("docs/other-languages.md");
    await outputOf(folder, [command, "migrate", "--url", "sqlite:./waybill.db"]);
    const { file } = blocksOf("docs/other-languages.md").find(({ language }) => language === "python") ?? {};
    const python = spawnSync("python3", [file ?? ""], { cwd: folder, encoding: "utf8" });
    expect(python.stdout, python.stderr).toBe("stored\n");
    const worker = start(folder, ["worker.js"]);
    await expect.poll(worker.output, { timeout: 60_000 }).toContain("receipt for o_1, attempt 1\n");
    worker.stop();
    expect(await worker.ended).toBe(0);
    return undefined;
  }, 120_000);

  test("its receiver runs the job that `waybill push` sends", async () => {
    const folder = await folderOf("docs/other-languages.md");
    const port = await freePort();
    const { code = "" } = blocksOf("docs/other-languages.md").find(({ file }) => file === "receiver.js") ?? {};
    await writeFile(join(folder, "receiver.js"), code.replace("3000", String(port)));
    const env = { WAYBILL_KEYS: (await outputOf(folder, [command, "keys"])).trim(), WAYBILL_URL: "sqlite:./pushed.db" };
    await outputOf(folder, [command, "enqueue", "receipt.send", '{"orderId":"o_1"}', "--no-registry"], env);
    const receiver = start(folder, ["receiver.js"], env);
    const sender = start(folder, [command, "push", "--to", `http://127.0.0.1:${port}/work`], env);
    await expect.poll(receiver.output, { timeout: 60_000 }).toContain("receipt for o_1, attempt 1\n");
    await expect.poll(sender.output, { timeout: 60_000 }).toContain('"completed"');
    sender.stop();
    expect(await sender.ended).toBe(0);
  }, 120_000);
});
