import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "../workspace.ts";
import { type Block, fileOf, jobsFile } from "./blocks.ts";

/** TypeScript 6, whose users are many, and the one that builds this repository. */
export const compilers: Readonly<Record<string, string>> = {
  "TypeScript 6": join(root, "test/typescript-6/node_modules/typescript/bin/tsc"),
  "TypeScript 7": join(root, "node_modules/typescript/bin/tsc"),
};

export const layouts: Readonly<Record<string, object>> = {
  nodenext: { module: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};

/** A folder outside the repository with each block in a file of its own, and what is installed here. */
export function foldersOf(blocks: readonly Block[]): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "waybill-blocks-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  for (const block of blocks) {
    const page = join(folder, slug(block.page));
    if (!existsSync(page)) prepare(page, block.page);
    const file = join(page, asTypeScript(fileOf(block)));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, block.code);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function prepare(folder: string, page: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, "jobs.ts"), jobsFile);
  const own = join(root, dirname(page), "node_modules");
  if (page.startsWith("packages/") && existsSync(own)) symlinkSync(own, join(folder, "node_modules"));
}

/** JavaScript as well: a reader pastes it into a TypeScript project, where it must compile. */
const asTypeScript = (file: string): string => file.replace(/js$/, "ts");

export const slug = (page: string): string => page.replaceAll(/[^\w]+/g, "-");

/** What the compiler says of all of them, strict; "" when nothing. */
export async function compiled(folder: string, compiler: string, layout: string): Promise<string> {
  const file = join(folder, `tsconfig-${slug(compiler)}-${layout}.json`);
  const compilerOptions = {
    ...layouts[layout],
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    // As in a stock project of Next, of which docs/push.md shows files.
    paths: { "@/*": ["./docs-push-md/*.ts"] },
    // As in a stock project of Nest.
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    isolatedModules: true,
    moduleDetection: "force",
    // That the packages' own declarations compile, `npm run packed` shows.
    skipLibCheck: true,
    noEmit: true,
  };
  writeFileSync(file, JSON.stringify({ compilerOptions, include: ["*/**/*.ts", "*/**/*.mts"] }));
  const child = spawn(process.execPath, [compilers[compiler] ?? "", "-p", file, "--pretty", "false"], { cwd: folder });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  await once(child, "close");
  return said;
}
