// Prints parts of a page on A4: one sheet is the measure of what a reader sees at a glance.
import { marked } from "marked";
import type { Browser } from "playwright-core";

/** Type of 8 pt in two columns; the fonts are those of Debian's browser, and wide ones at that. */
const STYLE = `
  @page { size: A4; margin: 6mm; }
  body { font: 8pt/1.04 "DejaVu Sans Condensed", "DejaVu Sans", sans-serif; font-stretch: condensed; margin: 0; overflow-wrap: anywhere; }
  section { columns: 2; column-gap: 3mm; break-after: page; }
  section:last-child { break-after: auto; }
  code { font: inherit; }
  h1, h2, h3, p, ul { margin: 0; padding: 0; font-size: 8pt; }
  h2, h3 { border-top: 0.4pt solid; }
  li { list-style: none; padding-left: 6pt; text-indent: -6pt; color: #444; }
  li code:first-child { color: black; }
`;

/** Returns the PDF of texts in Markdown, each from a new sheet on, as bytes. */
export async function printed(parts: readonly string[], browser: Browser): Promise<Buffer> {
  const page = await browser.newPage();
  const sections = await Promise.all(parts.map(async (part) => `<section>${await marked.parse(part)}</section>`));
  await page.setContent(`<!doctype html><meta charset="utf-8"><style>${STYLE}</style>${sections.join("")}`);
  return page.pdf({ preferCSSPageSize: true });
}

/** Counts the sheets of a PDF that Chromium has made. */
export function sheetsOf(pdf: Buffer): number {
  return pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;
}
