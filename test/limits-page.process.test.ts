import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { serviceUrl } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { read } from "./workspace.ts";

const run = promisify(execFile);
const programs = [...read("docs/limits.md").matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, text = ""]) => text);
/** Beside workspaces, so that the packages are found by their names. */
const here = new URL(".", import.meta.url);

/** What each program prints until its worker has run its jobs. */
const prints = ["syncing acme", "", "", ""];

test.each(programs.map((text, at) => [at + 1, text] as const))(
  "docs/limits.md, program %i does what the page says",
  async (at, text) => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-limits-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const program = text
      .replace("sqlite:./waybill.db", `sqlite:${join(folder, "waybill.db")}`)
      .replace("postgres://localhost/app", await serviceUrl("postgres"))
      .replaceAll(/connect\(("[^"]+")\)/g, 'connect($1, { log: "off" })');
    const ends = "await new Promise((resolve) => setTimeout(resolve, 2_000));\nawait jobs.close();\n";
    const asked = program.includes("connect(") ? `${program}${ends}` : program;
    const args = ["--conditions=waybill-source", "--no-warnings", "--input-type=module-typescript", "-e", asked];
    const { stdout } = await run(process.execPath, args, { cwd: here });
    expect(stdout.trim()).toBe(prints[at - 1]);
  },
  60_000,
);

test("the page has a program for each line of this test", () => expect(programs).toHaveLength(prints.length));
