// Everything that can be wrong without a test failing: one line per check, the reasons below it, all of them run.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

/**
 * Runs one program of node_modules/.bin (npm scripts put it first on PATH) and collects what it says.
 * @param {string} program
 * @param {readonly string[]} args
 */
function run(program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  return { ok: status === 0, output: error ? String(error) : `${stdout}${stderr}` };
}

const workspaces = ["packages", "apps"].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
const projects = workspaces.filter((path) => existsSync(join(path, "tsconfig.json")));
const published = workspaces.filter((path) => existsSync(join(path, "package.json")) && !manifest(path).private);

/** @param {string} path */
function manifest(path) {
  return JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
}

function types() {
  const { ok, output } = run("tsc", "-b", ...projects);
  return { ok, output, count: `${projects.length} projects` };
}

function testTypes() {
  const { ok, output } = run("tsc", "-p", "tsconfig.test.json", "--listFiles");
  const lines = output.split("\n");
  const own = lines.filter((line) => line.startsWith(process.cwd()) && !line.includes("/node_modules/"));
  const said = lines.filter((line) => !line.startsWith("/"));
  return { ok, output: said.join("\n"), count: `${own.length} files` };
}

function lint() {
  const { ok, output } = run("oxlint", "--deny-warnings");
  return { ok, output, count: `${/on (\d+) files/.exec(output)?.[1] ?? "no"} files` };
}

function format() {
  const { ok, output } = run("oxfmt", "--check", ".");
  return { ok, output, count: `${/on (\d+) files/.exec(output)?.[1] ?? "no"} files` };
}

/** @param {(tarball: string) => { ok: boolean, output: string }} judge */
function everyTarball(judge) {
  const folder = mkdtempSync(join(tmpdir(), "waybill-pack-"));
  try {
    const packed = run(
      "npm",
      "pack",
      "--silent",
      ...published.map((path) => `./${path}`),
      "--pack-destination",
      folder,
    );
    if (!packed.ok) return { ok: false, output: packed.output, count: "npm pack failed" };
    const tarballs = readdirSync(folder).toSorted();
    const results = tarballs.map((tarball) => judge(join(folder, tarball)));
    const failed = results.filter((result) => !result.ok);
    return {
      ok: failed.length === 0 && tarballs.length === published.length,
      output: failed.map((result) => result.output).join("\n"),
      count: `${tarballs.length} packages`,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {string} script */
function pageOf(script) {
  const { ok, output } = run("node", "--conditions=waybill-source", script, "--check");
  return { ok, output, count: "1 page" };
}

// `--no-definitely-typed` and a tarball keep it off the network.
const attw = ["--profile", "esm-only", "--no-definitely-typed", "--no-emoji", "--format", "ascii"];
// The form for `require` is for loaders without types, as Jest's: Node loads what the types say, whoever asks.
attw.push("--ignore-rules", "false-esm");

/** A package that is a command and nothing else has no types. */
const commands = published.filter((path) => !manifest(path).exports).map((path) => `${manifest(path).name}-`);

/** @param {string} tarball */
function typesOf(tarball) {
  const isCommand = commands.some((name) => basename(tarball).startsWith(name));
  return isCommand ? { ok: true, output: "" } : run("attw", tarball, ...attw);
}

function siteTypes() {
  const { ok, output } = run("tsc", "-p", "docs/.vitepress");
  return { ok, output, count: "1 project" };
}

const checks = {
  "types of packages and apps (tsc -b)": types,
  "types of tests and scripts (tsc)": testTypes,
  "types of the site (tsc)": siteTypes,
  "lint (oxlint)": lint,
  "format (oxfmt)": format,
  "docs/api.md is what the sources say": () => pageOf("scripts/generate-api-page.ts"),
  "docs/backends.md is what the code says": () => pageOf("scripts/generate-backends-page.ts"),
  "docs/commands.md, docs/events.md as well": () => pageOf("scripts/generate-reference-pages.ts"),
  "package layout (publint)": () => everyTarball((tarball) => run("publint", "run", tarball, "--strict")),
  "types as installed (attw)": () => everyTarball(typesOf),
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  const start = performance.now();
  const { ok, output, count } = check();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${ok ? "ok  " : "FAIL"}  ${name.padEnd(38)} ${count.padEnd(14)} ${seconds.padStart(5)} s`);
  if (ok) continue;
  failed += 1;
  console.log(output.trimEnd().replaceAll(/^/gm, "      "));
}
console.log(`\n${Object.keys(checks).length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
