import { globSync } from "node:fs";
import { posix } from "node:path";
import { defineConfig, type MarkdownOptions } from "vitepress";
import { anchorOf, LinkedSources, root, siteLink } from "./links.ts";
import { pages, rewrittenPath, sections } from "./navigation.ts";
import { writeOutputs } from "./outputs.ts";

const sources = new LinkedSources();
const shown = new Set(pages.map(({ file }) => file));
const exclude = (name: string): boolean => name === "node_modules" || name === "dist";

/** Pages link as files of the repository do. Here each link gets its address on the site. */
const rewriteLinks: MarkdownOptions["config"] = (md) => {
  md.core.ruler.push("site-links", ({ env, tokens }) => {
    const { realPath, path } = env as { readonly realPath?: string; readonly path: string };
    const from = posix.relative(root, realPath ?? path);
    for (const link of tokens.flatMap(({ children }) => children ?? [])) {
      if (link.type !== "link_open") continue;
      const address = siteLink(from, link.attrGet("href") ?? "", sources);
      link.attrSet("href", address);
      // The router of the site has no such page.
      if (address.startsWith("/source/")) link.attrSet("target", "_self");
    }
  });
};

/** A column without a name has a cell at its top, not an empty header, which a screen reader would announce. */
const withoutEmptyHeaders: MarkdownOptions["config"] = (md) => {
  md.core.ruler.push("empty-headers", ({ tokens }) => {
    for (const [at, token] of tokens.entries()) {
      const isEmpty = token.type === "th_open" && tokens[at + 1]?.content === "";
      for (const one of isEmpty ? [token, tokens[at + 2]] : []) if (one) one.tag = "td";
    }
  });
};

export default defineConfig({
  title: "waybill",
  description: "Background jobs for TypeScript teams, on the queue they already have",
  lang: "en",
  srcDir: "..",
  srcExclude: globSync("**/*.md", { cwd: root, exclude }).filter((file) => !shown.has(file)),
  rewrites: Object.fromEntries(pages.map((page) => [page.file, rewrittenPath(page)])),
  outDir: "../dist/site",
  cacheDir: "../node_modules/.cache/vitepress",
  head: [["link", { rel: "icon", type: "image/svg+xml", href: "/icon.svg" }]],
  // See the theme. The page for what is not there has no such element.
  transformHead: ({ page }) =>
    page === "404.md" ? [] : [["link", { rel: "expect", href: "#page-end", blocking: "render" }]],
  vite: { publicDir: posix.join(root, "docs/.vitepress/public") },
  // A visit loads what it shows: the sidebar links to every page.
  router: { prefetchLinks: false },
  markdown: { anchor: { slugify: anchorOf }, config: (md) => (rewriteLinks(md), withoutEmptyHeaders(md)) },
  themeConfig: {
    logo: "/icon.svg",
    search: { provider: "local" },
    outline: { level: [2, 3] },
    nav: ["Guides", "Backends", "Reference", "Spec", "Guarantees", "Performance"].map((title) => ({
      text: title,
      link: sections.find((section) => section.title === title)?.pages[0]?.address ?? "/",
    })),
    sidebar: sections.map((section) => ({
      text: section.title,
      collapsed: section.title !== "Start" && section.title !== "Guides",
      items: section.pages.map(({ title, address }) => ({ text: title, link: address })),
    })),
  },
  buildEnd: ({ outDir }) => writeOutputs(outDir, sources),
});
