import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyAddress, type LinkedSources, root, siteLink } from "./links.ts";
import { pages, rewrittenPath, sections, type SitePage } from "./navigation.ts";

/** Markdown of a page with the links of the site: to the Markdown of other pages, and to copies of sources. */
function markdownOf({ file }: SitePage, sources: LinkedSources): string {
  const text = readFileSync(join(root, file), "utf8");
  // Code stays: blocks and spans come first and are returned as they are.
  return text.replaceAll(/```[\s\S]*?```|`[^`\n]*`|\]\(([^)\s]+)\)/g, (whole, target?: string) => {
    if (target === undefined) return whole;
    const [address = "", anchor] = siteLink(file, target, sources).split("#");
    const page = pages.find((one) => one.address === address);
    return `](${page ? `/${rewrittenPath(page)}` : address}${anchor === undefined ? "" : `#${anchor}`})`;
  });
}

/** The page's first sentence, without marks. */
function firstSentence(markdown: string): string {
  const paragraphs = markdown.replaceAll(/<!--[\s\S]*?-->|```[\s\S]*?```/g, "").split(/\n{2,}/);
  const text = paragraphs.map((one) => one.trim()).find((one) => /^[^#|\-<\d]/.test(one)) ?? "";
  const plain = text.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll(/[*`]/g, "");
  return (/^[\s\S]*?[.:](?=\s|$)/.exec(plain)?.[0] ?? plain).replaceAll(/\s+/g, " ").replace(/:$/, ".");
}

const INTRO =
  "Background jobs for TypeScript teams, on the queue they already have: one API, one JSON envelope, the same tested guarantees on every backend.";

/** Writes what the site has beside its pages: their Markdown, llms.txt, llms-full.txt, and copies of linked sources. */
export function writeOutputs(outDir: string, sources: LinkedSources): void {
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(outDir, path)), { recursive: true });
    writeFileSync(join(outDir, path), text);
  };
  const written = new Map(pages.map((page) => [page, markdownOf(page, sources)] as const));
  for (const [page, markdown] of written) put(rewrittenPath(page), markdown);
  const lists = sections.map((section) => {
    const lines = section.pages.map(
      (page) => `- [${page.title}](/${rewrittenPath(page)}): ${firstSentence(written.get(page) ?? "")}`,
    );
    return `## ${section.title}\n\n${lines.join("\n")}\n`;
  });
  put("llms.txt", `# waybill\n\n> ${INTRO}\n\n${lists.join("\n")}`);
  put("llms-full.txt", [...written].map(([page, text]) => `<!-- /${rewrittenPath(page)} -->\n\n${text}`).join("\n\n"));
  for (const file of sources.files) {
    mkdirSync(dirname(join(outDir, copyAddress(file))), { recursive: true });
    cpSync(join(root, file), join(outDir, copyAddress(file)));
  }
  for (const [folder, files] of sources.folders) {
    const items = files.map((file) => `<li><a href="${relativeTo(folder, file)}">${file}</a></li>`);
    put(`source/${folder}/index.html`, listing(folder, items.join("\n")));
  }
}

function relativeTo(folder: string, file: string): string {
  return copyAddress(file).slice(`/source/${folder}/`.length);
}

function listing(folder: string, items: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${folder}</title>
<link rel="icon" href="data:,"><style>:root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;margin:2rem}</style></head>
<body><main><h1>${folder}</h1><ul>
${items}
</ul></main></body></html>
`;
}
