import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "../..");
const FENCED = /^```(\w+)\n([\s\S]*?)^```$/gm;
/** A block says in its first line which file it is: `# job.rb`, `// job/job.go`, `<?php // job.php`, `<!-- pom.xml -->`. */
const NAMED = /^(?:#|\/\/|<\?php \/\/|<!--) ([\w/-]+\.\w+)(?: -->)?\n/;

export interface Block {
  readonly language: string;
  /** The path that its first line gives it. */
  readonly file: string;
  /** As it is printed, that line included. */
  readonly code: string;
}

/** The blocks of a page, in their order. Throws for one that names no file, which nothing would run. */
export function blocksOf(page: string): Block[] {
  const fenced = [...readFileSync(join(root, page), "utf8").matchAll(FENCED)];
  return fenced.map(([, language = "", code = ""]) => {
    const file = NAMED.exec(code)?.[1];
    if (file === undefined) throw new Error(`${page}: no file is named in the first line of ${code.slice(0, 80)}`);
    return { language, file, code };
  });
}

/** Writes the blocks in these languages into `folder`, each under its own name. */
export function writeBlocks(blocks: readonly Block[], languages: readonly string[], folder: string): void {
  for (const { language, file, code } of blocks) {
    if (!languages.includes(language)) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), code);
  }
}
