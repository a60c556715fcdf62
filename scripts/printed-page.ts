// A page of documentation as it leaves a printer: A4, one sheet being the measure of what a person can survey.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { marked } from "marked";
import type { Browser } from "playwright-core";
import { root } from "../test/workspace.ts";

/** Type of 8 pt in two columns; the fonts are those of Debian's browser, and wide ones at that. */
const STYLE = `
  @page { size: A4; margin: 6mm; }
  body { font: 8pt/1.04 "DejaVu Sans Condensed", "DejaVu Sans", sans-serif; font-stretch: condensed; margin: 0; columns: 2; column-gap: 3mm; overflow-wrap: anywhere; }
  code { font: inherit; }
  h1, h2, p, ul { margin: 0; padding: 0; font-size: 8pt; }
  h2 { border-top: 0.4pt solid; }
  li { list-style: none; padding-left: 6pt; text-indent: -6pt; color: #444; }
  li code:first-child { color: black; }
`;

/** The PDF of a page, as bytes. */
export async function printed(file: string, browser: Browser): Promise<Buffer> {
  const page = await browser.newPage();
  const html = await marked.parse(readFileSync(join(root, file), "utf8"));
  await page.setContent(`<!doctype html><meta charset="utf-8"><style>${STYLE}</style>${html}`);
  return page.pdf({ preferCSSPageSize: true });
}

/** How many sheets a PDF of Chromium's has. */
export function sheetsOf(pdf: Buffer): number {
  return pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;
}
