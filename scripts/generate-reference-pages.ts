// Writes docs/commands.md and docs/events.md from the code; `--check` only compares, and fails when one is out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { commandsPage } from "./reference/commands-page.ts";
import { eventsPage } from "./reference/events-page.ts";

const pages = { "docs/commands.md": commandsPage(), "docs/events.md": eventsPage() };
for (const [path, wanted] of Object.entries(pages)) {
  const file = new URL(`../${path}`, import.meta.url);
  if (!process.argv.includes("--check")) writeFileSync(file, wanted);
  else if (readFileSync(file, "utf8") !== wanted) {
    console.error(`${path} is out of date; run: npm run docs:reference`);
    process.exitCode = 1;
  }
}
