import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { blocksOf, fileOf } from "../../test/code-blocks/blocks.ts";
import { run } from "./program.ts";

/** The files of the application that the README of Nest prints. */
export const nestFiles: readonly string[] = ["app.module.ts", "main.ts"];

export function nestProgram(file: string): string {
  const block = blocksOf("packages/nest/README.md").find((one) => fileOf(one) === file);
  if (block === undefined) throw new Error(`the README of Nest shows no ${file} any more`);
  return block.code;
}

/** Compiles files of the README with the options of a stock Nest project, into `dist`. */
export async function compileNest(folder: string, files: readonly string[]): Promise<void> {
  for (const file of files) writeFileSync(join(folder, file), nestProgram(file));
  const compilerOptions = {
    target: "es2023",
    module: "nodenext",
    types: ["node"],
    outDir: "dist",
    rootDir: ".",
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  await run(["npx", "--no-install", "tsc", "-p", "."], { cwd: folder });
}
