import { spawn } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { read, root } from "./workspace.ts";

/** Runs the program of a page as printed, in a folder of its own. Resolves with its output once it has ended. */
async function outputOf(page: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-flows-page-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  const [[, program = ""] = []] = read(page).matchAll(/^```js\n([\s\S]*?)^```/gm);
  await writeFile(join(folder, "program.mjs"), program);
  const child = spawn(process.execPath, ["--conditions=waybill-source", "--no-warnings", "program.mjs"], {
    cwd: folder,
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  await new Promise((resolve) => child.on("close", resolve));
  return output;
}

/** What the page says that its program prints. */
const shownOn = (page: string): string => /^```text\n([\s\S]*?)^```/m.exec(read(page))?.[1] ?? "";

test("the program of docs/results.md prints the result of its job", async () => {
  expect(await outputOf("docs/results.md")).toBe(shownOn("docs/results.md"));
  expect(shownOn("docs/results.md")).toContain("https://photos.example/p1.webp");
});

test("the program of docs/flows.md runs its last member after the others, with their results", async () => {
  expect(await outputOf("docs/flows.md")).toBe(shownOn("docs/flows.md"));
  expect(shownOn("docs/flows.md")).toContain("summer: p1.webp, p2.webp\ncompleted");
});
