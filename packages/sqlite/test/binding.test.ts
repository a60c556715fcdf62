import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { connect, defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { migrate, schemaVersion } from "../src/index.ts";
import { temporaryFile } from "./temporary-file.ts";

const page = readFileSync(fileURLToPath(new URL("../../../spec/1.0/bindings/sqlite.md", import.meta.url)), "utf8");

/** The code on the page in that language. */
function example(language: string): string {
  const code = page.split(`\`\`\`${language}\n`)[1]?.split("```")[0];
  if (code === undefined) throw new Error(`the page has no example in ${language}`);
  return code;
}

test("The page says the version that migrate makes", () => {
  expect(page).toContain(`\`user_version\` is the\nschema, ${schemaVersion}. A reader MUST refuse a higher one`);
});

test.for([
  { language: "python", program: "python3", flag: "-c", name: "python" },
  { language: "sh", program: "sqlite3", flag: null, name: "sqlite3" },
] as const)(
  "The documented insert by $program is run by a worker",
  async ({ language, program, flag, name }, context) => {
    if (spawnSync(program, ["--version"]).status !== 0) return context.skip(`${program} is not on this machine`);
    const path = temporaryFile();
    await migrate(`sqlite:${path}`);
    const cwd = dirname(path);
    const [command, args] = flag === null ? ["sh", ["-c", example(language)]] : [program, [flag, example(language)]];
    const ran = spawnSync(command, args as string[], { cwd, encoding: "utf8" });
    expect({ status: ran.status, stderr: ran.stderr }).toEqual({ status: 0, stderr: "" });
    const names: string[] = [];
    const greet = defineJob({ type: "greeting.print", handler: (payload) => void names.push(JSON.stringify(payload)) });
    const jobs = await connect(`sqlite:${path}`, { jobs: [greet], log: "off" });
    const worker = jobs.worker({ jobs: [greet] });
    await worker.start();
    await expect.poll(() => names, { timeout: 10_000 }).toEqual([JSON.stringify({ name })]);
    await jobs.close();
    return undefined;
  },
);

test("the documented query lists finished jobs", async () => {
  const path = temporaryFile();
  const greet = defineJob({ type: "greeting.print", handler: () => undefined });
  const jobs = await connect(`sqlite:${path}`, { jobs: [greet], log: "off" });
  const { id } = await jobs.enqueue(greet, {});
  await jobs.worker({ jobs: [greet] }).start();
  await expect.poll(async () => (await jobs.inspector?.counts())?.[0]?.finished, { timeout: 10_000 }).toBe(1);
  await jobs.close();
  const db = new DatabaseSync(path, { readOnly: true });
  expect(db.prepare(example("sql")).all()).toMatchObject([{ id, type: "greeting.print" }]);
  db.close();
});
