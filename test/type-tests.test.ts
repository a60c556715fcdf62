import { execFile } from "node:child_process";
import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compilers } from "./code-blocks/compile.ts";
import { root } from "./workspace.ts";

/**
 * The type tests are compiled here, since vitest removes types without looking at them: a line that must not compile, and
 * does, fails by its `@ts-expect-error`.
 */
const files = [
  "packages/*/test/**/types.test.ts",
  "packages/*/test/**/*-types.test.ts",
  "test/*-types.test.ts",
  "packages/*/src/**/*.d.ts",
];

const nodenext = { module: "nodenext" };
const bundler = { module: "esnext", moduleResolution: "bundler" };

/** `exactOptionalPropertyTypes` changes what may be undefined. */
const cases: readonly (readonly [of: string, compiler: string, options: object])[] = [
  ["TypeScript 7, nodenext, exact", "TypeScript 7", { ...nodenext, exactOptionalPropertyTypes: true }],
  ["TypeScript 7, bundler", "TypeScript 7", { ...bundler, exactOptionalPropertyTypes: false }],
  ["TypeScript 6, bundler, exact", "TypeScript 6", { ...bundler, exactOptionalPropertyTypes: true }],
];

let folder = "";
beforeAll(() => void (folder = mkdtempSync(join(root, "test/.type-tests-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function compile(tsc: string, options: object): Promise<string> {
  const project = join(folder, "tsconfig.json");
  const compilerOptions = { ...options, noEmit: true, rewriteRelativeImportExtensions: true };
  const include = files.map((path) => join(root, path));
  writeFileSync(project, JSON.stringify({ extends: join(root, "tsconfig.test.json"), compilerOptions, include }));
  return promisify(execFile)(process.execPath, [tsc, "-p", project, "--pretty", "false"], { cwd: root }).then(
    () => "",
    (failed: { readonly stdout: string }) => failed.stdout,
  );
}

test.each(files)("%s matches a file", (pattern) => {
  expect(globSync(pattern, { cwd: root })).not.toEqual([]);
});

test.each(cases)(
  "every type test compiles by %s",
  async (_, compiler, options) => {
    expect(await compile(compilers[compiler] ?? "", options)).toBe("");
  },
  120_000,
);
