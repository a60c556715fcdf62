import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../packages/core/src/envelope/canonical-json.ts";
import type { JsonValue } from "../packages/core/src/envelope/envelope.ts";
import { read, root } from "./workspace.ts";

type Case = { readonly [member: string]: JsonValue };

const vectors = join(root, "spec/1.0/vectors");
const page = read("spec/1.0/README.md");

const casesIn = (pattern: string): Case[] =>
  globSync(pattern, { cwd: vectors }).flatMap(
    (file) => JSON.parse(readFileSync(join(vectors, file), "utf8")) as Case[],
  );

/** Of all that a case says but the note for people. */
function digestOf(one: Case): string {
  const said = Object.fromEntries(Object.entries(one).filter(([member]) => member !== "note"));
  return createHash("sha256").update(canonicalJson(said)).digest("hex").slice(0, 10);
}

describe("1.0 is frozen", () => {
  test("the page says so, says what may be added, and lists what was", () => {
    expect(page).toMatch(/^\*\*Frozen on \d{4}-\d\d-\d\d\.\*\*/m);
    expect(page).toContain("\n## What may still change, and how\n");
    expect(page).toContain("\n## Changes\n");
  });

  test.each([
    ["valid envelopes", 40],
    ["invalid envelopes", 80],
    ["of both, about the text and the parser", 25],
    ["timestamps and durations", 60],
    ["retry schedule", 45],
    ["computed keys", 30],
    ["signatures, wrappers", 25],
    ["defaults", 15],
  ])("%s: at least %i cases, and no fewer than the page says", (subject, least) => {
    const [, where = "", count] = new RegExp(`^\\| ${subject} \\| (.+) \\| (\\d+) \\|$`, "m").exec(page) ?? [];
    const patterns = [...where.matchAll(/`([^`]+)`/g)].map(([, path = ""]) =>
      path.endsWith(".json") ? path : `${path}/*.json`,
    );
    expect(Number(count)).toBeGreaterThanOrEqual(least);
    expect(patterns.flatMap(casesIn).length).toBeGreaterThanOrEqual(Number(count));
  });

  test("every case of the freeze is there, and says what it said", () => {
    const frozen = read("spec/1.0/vectors/frozen.txt")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    const now = globSync("**/*.json", { cwd: vectors }).flatMap((file) =>
      casesIn(file).map((one) => ({ digest: `${digestOf(one)}`, name: `${dirname(file)}: ${String(one["name"])}` })),
    );
    const digests = new Set(now.map(({ digest }) => digest));
    const known = new Set(frozen.flatMap((line) => line.split(" ")));
    const gone = [...known].filter((digest) => !digests.has(digest));
    // A changed case shows among those that are new.
    const added = now.filter(({ digest }) => !known.has(digest)).map(({ name }) => name);
    expect({ gone, added: gone.length > 0 ? added : [] }).toEqual({ gone: [], added: [] });
    expect(known.size).toBeGreaterThan(1_000);
  });
});

test("every vector is read by a strict JSON parser, as that of PHP, Perl, Rust or jq: no string has half a pair", () => {
  const broken = globSync("**/*.json", { cwd: vectors }).filter((file) => {
    const text = readFileSync(join(vectors, file), "utf8");
    const strings: string[] = [];
    JSON.parse(text, (_, value: unknown) => {
      if (typeof value === "string") strings.push(value);
      if (typeof value === "object" && value !== null) strings.push(...Object.keys(value));
      return value;
    });
    return text.startsWith("\u{feff}") || strings.some((one) => !one.isWellFormed());
  });
  expect(broken).toEqual([]);
});

/** Every invalid envelope is refused under one of these. A code is added at the end, with a row in envelope.md, and stays. */
const ENVELOPE_CODES = [
  "BODY_TOO_LARGE ENCODING_INVALID BOM_FORBIDDEN JSON_SYNTAX JSON_DUPLICATE_KEY JSON_TOO_DEEP JSON_TOO_MANY_VALUES",
  "JSON_NUMBER_RANGE JSON_STRING_FORBIDDEN ENVELOPE_NOT_OBJECT SPEC_INVALID SPEC_UNSUPPORTED FIELD_MISSING FIELD_NULL",
  "FIELD_TYPE FIELD_UNKNOWN ID_INVALID TYPE_INVALID QUEUE_INVALID TIMESTAMP_INVALID DURATION_INVALID URI_INVALID",
  "RANGE_INVALID LENGTH_INVALID VALUE_UNKNOWN META_KEY_INVALID META_TOO_LARGE EXPIRY_ORDER CRIT_INVALID CRIT_UNSUPPORTED",
  "FIELD_EXCLUSIVE",
].flatMap((line) => line.split(" "));

describe("codes only grow", () => {
  const ofPage = read("spec/1.0/envelope.md").split("\n## Error codes\n")[1] ?? "";
  const listed = [...ofPage.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);

  test("those of the envelope are these, in this order, and each has its row", () => {
    expect(listed).toEqual(ENVELOPE_CODES);
  });

  test("no invalid envelope is without one of them", () => {
    const others = casesIn("invalid/*.json").filter(
      ({ error }) => !ENVELOPE_CODES.includes(String((error as Case | undefined)?.["code"])),
    );
    expect(others).toEqual([]);
  });
});
