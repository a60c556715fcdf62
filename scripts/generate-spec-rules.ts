// Writes the sentences that `waybill check` quotes from the pages of the spec; `--check` only compares, and fails when they differ.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

const FILE = new URL("../packages/cli/src/check/spec-rules.ts", import.meta.url);
const page = (name: string): string => readFileSync(new URL(`../spec/1.0/${name}`, import.meta.url), "utf8");

/** Cells of the rows of the first table after a heading, without the links. Throws when there is none. */
function tableAfter(text: string, heading: string): string[][] {
  const [, after = ""] = text.split(new RegExp(`^${heading}$`, "m"));
  const [table] = /^\|.*\n\|[-|]+\|\n(?:\|.*\n)+/m.exec(after) ?? [];
  if (table === undefined) throw new Error(`no table stands after "${heading}"`);
  return table.trim().split("\n").slice(2).map(cellsOf);
}

const cellsOf = (row: string): string[] =>
  row
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map(plain);

const plain = (cell: string): string =>
  cell
    .trim()
    .replaceAll("\\|", "|")
    .replaceAll(/\[([^\]]+)\]\([^)]*(?:\.md|#)[^)]*\)/g, "$1");

/** By the name in the first cell: what stands in cell `at`. */
function rules(rows: readonly string[][], prefix: string, at: number): [name: string, rule: string][] {
  return rows.flatMap((cells) =>
    [...(cells[0] ?? "").matchAll(/`([A-Za-z_]+)`/g)].map(([, name = ""]): [string, string] => [
      `${prefix}${name}`,
      cells[at] ?? "",
    ]),
  );
}

function sentence(text: string, form: RegExp): string {
  const [, found] = form.exec(text.replaceAll(/\s+/g, " ")) ?? [];
  if (found === undefined) throw new Error(`${form} stands nowhere in the page`);
  return plain(found);
}

const envelope = page("envelope.md");
const signing = page("signing.md");
const batch = sentence(page("push.md"), /\| `BATCH_INVALID` \|[^|]*\|[^|]*\| ([^|]+) \|/);
const signature = sentence(signing, /refuse with `SIGNATURE_INVALID` (a wrapper whose `id` is not the envelope's)/);

/** The paragraph that begins with this word in bold, without line breaks. */
const paragraph = (word: string): string =>
  sentence(envelope.replaceAll(/\n\n/g, " ¶ "), new RegExp(`¶ \\*\\*(${word}\\*\\* [^¶]+) ¶`)).replaceAll("**", "");

const tables = {
  /** What a code says is wrong. */
  codeRules: [
    ...rules(tableAfter(envelope, "## Error codes"), "", 1),
    ["SIGNATURE_INVALID", signature],
    ["BATCH_INVALID", batch],
    // Of these the table only says that they are defined above it.
    ["TIMESTAMP_INVALID", paragraph("Timestamps")],
    ["DURATION_INVALID", paragraph("Durations")],
    ["URI_INVALID", paragraph("URIs")],
  ],
  /** What a field may hold, by the pointer to it. */
  fieldRules: [
    ...rules(tableAfter(envelope, "## Fields"), "/", 3),
    ...rules(tableAfter(envelope, "### retry"), "/retry/", 2),
    ...rules(tableAfter(envelope, "### dedupe"), "/dedupe/", 2),
    ...rules(tableAfter(envelope, "### meta"), "/meta/", 1),
  ],
  /** What a member of a signed wrapper is, by the pointer to it. */
  wrapperRules: rules(tableAfter(signing, "## The wrapper"), "/", 1),
};
const found = Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, Object.fromEntries(rows)]));

if (process.argv.includes("--check")) {
  const kept = { ...((await import(FILE.href)) as Record<string, unknown>) };
  if (!isDeepStrictEqual(kept, found)) {
    process.stderr.write(
      "packages/cli/src/check/spec-rules.ts differs from the pages of spec/1.0: run npm run docs:spec-rules\n",
    );
    process.exitCode = 1;
  }
} else {
  const head =
    "/** Sentences of the pages of spec/1.0, by `npm run docs:spec-rules`: change the pages, not this file. */\n";
  const texts = Object.entries(found).map(
    ([name, table]) => `export const ${name}: Readonly<Record<string, string>> = ${JSON.stringify(table)};\n`,
  );
  writeFileSync(FILE, `${head}${texts.join("\n")}`);
  spawnSync("oxfmt", [fileURLToPath(FILE)], { stdio: "inherit" });
}
