import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { entries } from "./entries.ts";
import { nestFiles, nestProgram } from "./nest.ts";
import { run } from "./program.ts";
import { changed, linesOf } from "./readme-lines.ts";
import type { compilers, Stranger } from "./stranger.ts";

/** How a project finds and writes modules. "node" has files of both kinds: ESM, and CommonJS that requires it. */
export const layouts = {
  node: { options: { module: "nodenext" }, files: ["main.mts", "main.cts"] },
  bundler: { options: { module: "esnext", moduleResolution: "bundler" }, files: ["main.ts"] },
} as const;

/** That types are there, and are not `any`: each of these lines must fail. */
const refused = `
declare const greet: JobDefinition<{ name: string }, { name: string }>;
export async function refused(jobs: Jobs): Promise<void> {
  // @ts-expect-error a number is no name
  await jobs.enqueue(greet, { name: 1 });
  // @ts-expect-error no such option
  await jobs.enqueue(greet, { name: "Ada" }, { dealy: "1s" });
  // @ts-expect-error no such duration
  await jobs.enqueue(greet, { name: "Ada" }, { delay: "1 fortnight" });
}
`;

/** A program that names every entry which is installed, and takes the README's lines along. */
function program(file: string, names: readonly string[]): string {
  const all = names.map((name, at) => `import * as entry${at} from "${name}";\n`).join("");
  const used = `export const all = [${names.map((_, at) => `entry${at}`).join(", ")}];\n`;
  const readme = changed(linesOf("README.md", "js")[0], []);
  // CommonJS has no await outside of a function.
  const [head = "", ...rest] = readme.split("\nconst jobs = ");
  const lines = `${head}\nexport async function main(): Promise<void> {\nconst jobs = ${rest.join("\nconst jobs = ")}}\n`;
  const types = 'import type { JobDefinition, Jobs } from "@waybill/core";\n';
  return [all, types, file.endsWith(".cts") ? lines : readme, used, refused].join("");
}

/** Our declarations compile with those of every client library, none of them skipped. */
export async function compiles(
  { folder, by }: Stranger,
  compiler: (typeof compilers)[number],
  layout: keyof typeof layouts,
  alone = false,
): Promise<void> {
  const project = join(folder, `${layout}-${compiler}`);
  mkdirSync(project);
  const { options, files } = layouts[layout];
  const names = entries.filter((name) => !alone || /^@waybill\/(core(?!\/otel)|sqlite)/.test(name));
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: layout === "node" ? "commonjs" : "module" }));
  for (const file of files) writeFileSync(join(project, file), program(file, names));
  if (!alone && layout === "node") writeNest(join(project, "nest"));
  const compilerOptions = {
    ...options,
    target: "es2022",
    types: ["node"],
    strict: true,
    skipLibCheck: false,
    experimentalDecorators: true,
    noEmit: true,
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const tsc = join(folder, "node_modules", compiler, "bin", "tsc");
  await run(["node", tsc, "-p", project], { cwd: folder, limitMs: 300_000 }).catch((error: unknown) => {
    throw new Error(`for ${by}, ${layout}, ${compiler}`, { cause: error });
  });
}

function writeNest(folder: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  for (const file of nestFiles) writeFileSync(join(folder, file), nestProgram(file));
}
