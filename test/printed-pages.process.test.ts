import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { serviceUrl } from "@waybill/test-servers";
import { describe, expect, onTestFinished, test } from "vitest";
import { read } from "./workspace.ts";

const run = promisify(execFile);
/** Beside workspaces, so that the packages are found by their names. */
const here = new URL(".", import.meta.url);
const ends = "await new Promise((resolve) => setTimeout(resolve, 2_000));\nawait jobs.close();\n";

/** What each program of a page prints until its worker has run its jobs. */
const pages: readonly (readonly [page: string, prints: readonly string[]])[] = [
  ["docs/limits.md", ["syncing acme", "", "", ""]],
  ["docs/unique-jobs.md", ["refused: true\nsyncing acme", "", "", ""]],
];

describe.each(pages)("%s", (page, prints) => {
  const programs = [...read(page).matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, text = ""]) => text);

  test("has a program for each line of this test", () => expect(programs).toHaveLength(prints.length));

  test.each(prints.map((printed, at) => [at + 1, printed] as const))(
    "program %i does what the page says",
    async (number, printed) => {
      const folder = await mkdtemp(join(tmpdir(), "waybill-page-"));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const program = (programs[number - 1] ?? "")
        .replace("sqlite:./waybill.db", `sqlite:${join(folder, "waybill.db")}`)
        .replace("postgres://localhost/app", await serviceUrl("postgres"))
        .replaceAll(/connect\(("[^"]+")\)/g, 'connect($1, { log: "off" })');
      const asked = program.includes("connect(") ? `${program}${ends}` : program;
      const args = ["--conditions=waybill-source", "--no-warnings", "--input-type=module-typescript", "-e", asked];
      const { stdout } = await run(process.execPath, args, { cwd: here });
      expect(stdout.trim()).toBe(printed);
    },
    60_000,
  );
});
