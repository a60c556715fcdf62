import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { run, runUntilCtrlC } from "./program.ts";
import { changed, linesOf } from "./readme-lines.ts";
import type { Stranger } from "./stranger.ts";
import type { Tarball } from "./tarballs.ts";

type Files = Readonly<Record<string, string | object>>;

/** A project of a stranger's, in a folder in which every package is found. */
function project({ folder }: Stranger, name: string, files: Files): string {
  const path = join(folder, name);
  mkdirSync(join(path, "src"), { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(path, file), typeof content === "string" ? content : JSON.stringify(content));
  }
  return path;
}

const npmRun = (script: string): string[] => ["npm", "run", "--silent", script];

/** Its own test passes, and a job that is enqueued is run by the worker. */
async function works(cwd: string, order: string): Promise<void> {
  await run(npmRun("test"), { cwd });
  await run(npmRun("enqueue"), { cwd });
  const output = await runUntilCtrlC('"settled"', npmRun("worker"), { cwd });
  if (!output.includes(`receipt for ${order}, attempt 1`)) throw new Error(output);
}

/** The lines of packages/create-waybill/README.md, where nothing of this repository is around them. */
export async function startsNew(parent: string, stranger: Stranger, tarballs: readonly Tarball[]): Promise<void> {
  const ours = new Set(["core", "http", "dashboard", "platforms", "sqlite", "cli"].map((name) => `@waybill/${name}`));
  const files = tarballs.filter(({ name }) => ours.has(name)).map(({ path }) => join("../tarballs", basename(path)));
  // No registry has them yet.
  const install = `npm install --prefer-offline --no-audit --no-fund ${files.join(" ")}`;
  const lines = changed(linesOf("packages/create-waybill/README.md", "sh")[0], [
    ["npm create waybill@latest", join(stranger.folder, "node_modules/.bin/create-waybill")],
    ["npm install", install],
  ]);
  const output = await runUntilCtrlC('"settled"', ["bash", "-euo", "pipefail", "-c", lines], {
    cwd: parent,
    limitMs: 300_000,
  });
  if (!output.includes("receipt for o_1, attempt 1")) throw new Error(output);
  await run(npmRun("typecheck"), { cwd: join(parent, "shop") });
}

/** What `npm init -y` leaves: CommonJS, and no dependency. */
export async function startsInCommonJs(stranger: Stranger): Promise<void> {
  const cwd = project(stranger, "npm-init", { "package.json": { name: "a", type: "commonjs", scripts: {} } });
  await run(["npx", "--no-install", "waybill", "init"], { cwd });
  for (const compiler of ["typescript", "typescript-6"]) {
    await run(["node", join(stranger.folder, "node_modules", compiler, "bin", "tsc"), "--noEmit"], { cwd });
  }
  await works(cwd, "o_1");
}

/** An application that is there, and enqueues as it is told to. */
const app = `
import { connect } from "@waybill/core";
import express from "express";
import { jobs, sendReceipt, url } from "./src/jobs.js";

const connection = await connect(url, { jobs });
const app = express().post("/orders/:id", async (req, res) => {
  await connection.enqueue(sendReceipt, { orderId: req.params.id });
  res.sendStatus(202);
});
const server = app.listen(0, async () => {
  const { status } = await fetch(\`http://127.0.0.1:\${server.address().port}/orders/o_7\`, { method: "POST" });
  console.log(status);
  server.close();
  await connection.close();
});
`;

export async function startsInExpress(stranger: Stranger): Promise<void> {
  const manifest = { name: "shop", type: "module", scripts: { start: "node app.js" }, dependencies: { express: "*" } };
  const cwd = project(stranger, "express-app", { "package.json": manifest, "app.js": app });
  await run(["npx", "--no-install", "waybill", "init"], { cwd });
  await run(npmRun("test"), { cwd });
  const answered = await run(["node", "app.js"], { cwd });
  if (!answered.includes("202")) throw new Error(answered);
  await works(cwd, "o_7");
}

/** The options of Nest's stock projects, of which 11 is CommonJS and 12 is ESM. */
const compilerOptions = {
  module: "nodenext",
  moduleResolution: "nodenext",
  resolvePackageJsonExports: true,
  esModuleInterop: true,
  isolatedModules: true,
  declaration: true,
  emitDecoratorMetadata: true,
  experimentalDecorators: true,
  target: "ES2023",
  rootDir: "./src",
  outDir: "./dist",
  types: ["node"],
  strict: true,
};

/** The globals of Jest and Vitest, of which the written test needs two. */
const globals = `
globalThis.test = require("node:test").test;
globalThis.expect = (given) => ({ toEqual: (wanted) => require("node:assert").deepStrictEqual(given, wanted) });
`;

export async function startsInNest(stranger: Stranger, type: "commonjs" | "module"): Promise<void> {
  const cwd = project(stranger, `nest-${type}`, {
    "package.json": { name: "shop", type, dependencies: { "@nestjs/core": "*" }, devDependencies: { typescript: "*" } },
    "tsconfig.json": { compilerOptions },
    "globals.cjs": globals,
    "src/globals.d.ts":
      "declare function test(name: string, run: () => Promise<void>): void;\n" +
      "declare function expect(given: unknown): { toEqual(wanted: unknown): void };\n",
  });
  await run(["npx", "--no-install", "waybill", "init"], { cwd });
  // Nest's own builder, which a stranger has and these packages do not, is this compiler.
  await run(["node", join(stranger.folder, "node_modules", "typescript", "bin", "tsc"), "-p", "."], { cwd });
  const spec = await run(["node", "--require", "./globals.cjs", "--test", "dist/jobs/jobs.module.spec.js"], { cwd });
  if (!/pass 1\n[^]*fail 0\n/.test(spec)) throw new Error(spec);
  await run(npmRun("enqueue"), { cwd });
  const output = await runUntilCtrlC('"settled"', ["node", "dist/jobs/worker.js"], { cwd });
  if (!output.includes("receipt for o_1, attempt 1")) throw new Error(output);
}
