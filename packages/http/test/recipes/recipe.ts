import { spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort } from "@waybill/test-servers";
import { vi } from "vitest";
import { jobsOfRecipes } from "./recipe-jobs.ts";

const page = fileURLToPath(new URL("../../../../docs/push.md", import.meta.url));
const cache = fileURLToPath(new URL("../../../../node_modules/.cache/", import.meta.url));

/** The code below a heading of docs/push.md. */
function recipe(heading: string): string {
  const [, section = ""] = readFileSync(page, "utf8").split(`\n### ${heading}\n`);
  const code = /```js\n([\s\S]*?)```/.exec(section)?.[1];
  if (code === undefined) throw new Error(`docs/push.md has no code below "${heading}"`);
  return code;
}

export interface Served {
  readonly origin: string;
  /** What it has written, both streams. */
  readonly output: () => string;
  kill(signal: NodeJS.Signals): void;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

const stdio: StdioOptions = ["ignore", "pipe", "pipe"];

/** Built by `npm run packed`, which runs these tests once more for it: Next is no dependency of this repository. */
const nextApp = process.env["WAYBILL_NEXT_APP"];

export const frameworks: readonly string[] = nextApp === undefined ? ["Fastify", "Hono"] : ["Next"];

/** Runs a recipe in a process of its own, as it stands but for its port. */
export async function serveRecipe(heading: string, keys: string): Promise<Served> {
  const port = await freePort();
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${cache}recipe-`);
  const env = { ...process.env, WAYBILL_KEYS: keys, WAYBILL_URL: `sqlite:${folder}/jobs.db` };
  const child =
    nextApp === undefined
      ? spawn(process.execPath, programOf(heading, folder, port), { cwd: folder, env, stdio })
      : spawn(process.execPath, [`${nextApp}/node_modules/next/dist/bin/next`, "start", "-p", String(port)], {
          cwd: nextApp,
          env,
          stdio,
        });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const ended = once(child, "close").then(([code, signal]: unknown[]) => (code as number | null) ?? String(signal));
  void ended.then(() => rmSync(folder, { recursive: true, force: true }));
  const origin = `http://127.0.0.1:${port}`;
  const isUp = async (): Promise<void> => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${output}`);
    await fetch(origin);
  };
  await vi.waitFor(isUp, { timeout: 20_000, interval: 50 });
  return { origin, output: () => output, kill: (signal) => void child.kill(signal), ended };
}

function programOf(heading: string, folder: string, port: number): string[] {
  writeFileSync(`${folder}/package.json`, '{ "type": "module" }');
  writeFileSync(`${folder}/jobs.js`, jobsOfRecipes);
  writeFileSync(`${folder}/server.js`, recipe(heading).replaceAll("3000", String(port)));
  return ["--conditions=waybill-source", "server.js"];
}
