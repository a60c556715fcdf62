import { existsSync, globSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { read, root } from "./workspace.ts";

const pages = globSync(["*.md", "{docs,spec,packages,apps,examples,test}/**/*.md"], {
  cwd: root,
  exclude: (name) => name === "node_modules" || name === "dist",
});

test.each(pages)("%s links only to what is there", (page) => {
  const prose = read(page).replace(/```[\s\S]*?```|`[^`\n]*`/g, "");
  const targets = [...prose.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target ?? "");
  const local = targets.filter((target) => !/^[a-z]+:/.test(target));
  expect(local.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
});
