import { globSync } from "node:fs";
import { read, root } from "../workspace.ts";

/** A fenced block of a page. */
export interface Block {
  /** Relative to the root: "packages/core/README.md". */
  readonly page: string;
  /** Where it opens, from 1. */
  readonly line: number;
  /** What stands behind the fence: "ts", "sh"; "" where nothing does. */
  readonly language: string;
  readonly code: string;
  /** The file it is to be saved as, where its first line says so: `// main.ts`, `// app/work/route.ts`. */
  readonly file: string | null;
}

/** Every page that a user, a contributor or an author in another language reads. */
export const pages: readonly string[] = globSync(
  ["*.md", "packages/*/*.md", "apps/*/*.md", "docs/**/*.md", "spec/**/*.md"],
  { cwd: root },
)
  .filter((path) => !/(^|\/)node_modules\//.test(path) && !path.endsWith("CHANGELOG.md"))
  .toSorted();

export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { readonly line: number; readonly indent: string; readonly language: string; lines: string[] } | null =
    null;
  for (const [at, text] of read(page).split("\n").entries()) {
    const [, indent = "", language = ""] = /^( *)```(.*)$/.exec(text) ?? [];
    const isFence = /^ *```/.test(text);
    if (isFence && open === null) open = { line: at + 1, indent, language: language.trim(), lines: [] };
    else if (isFence && open !== null) {
      const code = `${open.lines.join("\n")}\n`;
      const file = /^(?:\/\/|#) ([\w./[\]-]+\.[a-z]+)\n/.exec(code)?.[1] ?? null;
      blocks.push({ page, line: open.line, language: open.language, code, file });
      open = null;
    } else open?.lines.push(text.startsWith(open.indent) ? text.slice(open.indent.length) : text);
  }
  if (open !== null) throw new Error(`${page}:${open.line}: this block never ends`);
  return blocks;
}

export const blocks: readonly Block[] = pages.flatMap(blocksOf);

export const place = ({ page, line }: Block): string => `${page}:${line}`;

const programs: ReadonlySet<string> = new Set(["ts", "js", "mts", "mjs"]);

/** Those a JavaScript program is made of. */
export const isProgram = ({ language }: Block): boolean => programs.has(language);

/** The name under which a block of a page is saved: its own, or one by its place among the page's programs. */
export function fileOf(block: Block): string {
  if (block.file !== null) return block.file;
  const at = blocksOf(block.page)
    .filter(isProgram)
    .findIndex(({ line }) => line === block.line);
  return `block-${at + 1}.${block.language}`;
}

/** What the pages take for granted: a file beside the program, with the jobs it names. */
export const jobsFile = `import { defineJob } from "@waybill/core";
import { z } from "zod";

export const sendReceipt = defineJob({
  type: "receipt.send",
  payload: z.object({ orderId: z.string() }),
  handler: ({ orderId }, job) => console.log(\`receipt for \${orderId}, attempt \${job.attempt}\`),
});
export const nightlyReport = defineJob({ type: "report.nightly", handler: () => console.log("report") });
export const greet = defineJob({
  type: "greeting.print",
  payload: z.object({ name: z.string() }),
  handler: ({ name }) => console.log(\`hello \${name}\`),
});
`;
