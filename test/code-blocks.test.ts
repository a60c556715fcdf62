import { spawnSync } from "node:child_process";
import { basename, dirname, join } from "node:path";
import { parseEnvelope } from "@waybill/core/endpoint";
import { afterAll, describe, expect, test } from "vitest";
import { type Block, blocks, fileOf, isProgram, pages, place } from "./code-blocks/blocks.ts";
import { compiled, compilers, foldersOf, layouts } from "./code-blocks/compile.ts";
import { exempt, runBy } from "./code-blocks/run-by.ts";
import { pageRuns, runElsewhere } from "../scripts/packed/page-runs.ts";
import { read, root, top } from "./workspace.ts";

const programs = blocks.filter(isProgram);
const { folder, remove } = foldersOf(programs);
afterAll(remove);

const isNamedIn =
  ({ page, language }: Block) =>
  (one: { readonly page: string; readonly languages: readonly string[] }): boolean =>
    one.page === page && one.languages.includes(language);

/** `npm` commands, one a line: what is installed for a page, and scripts of this repository. */
const npmLine = /^(?:[A-Z_]+=\S+ )?(?:npm|npx) [^|<>]*$/;
const isNpm = ({ language, code }: Block): boolean =>
  language === "sh" && code.split("\n").every((line) => line === "" || npmLine.test(line));

/** Code of another system, on a page for those who come from it: `ts theirs`, with the version in the page's first lines. */
const isTheirs = ({ page, language }: Block): boolean =>
  page.startsWith("docs/coming-from/") && /^(ts|ruby|python|yaml) theirs$/.test(language);

/** What judges a block; null for one that nothing does. */
function judgeOf(block: Block): string | null {
  if (isProgram(block)) return "compiled";
  if (block.language === "json") return "parsed";
  if (block.language === "text") return "read";
  if (isTheirs(block)) return "theirs";
  if (isNpm(block)) return "npm";
  if (runBy.some(isNamedIn(block))) return "run elsewhere";
  return exempt.some(isNamedIn(block)) ? "exempt" : null;
}

test("every block of every page has a language, and is judged by something", () => {
  expect(blocks.length).toBeGreaterThan(80);
  expect(blocks.filter((block) => judgeOf(block) === null).map((block) => `${place(block)} ${block.language}`)).toEqual(
    [],
  );
});

test("a page's programs have names of their own", () => {
  const names = programs.map((block) => `${block.page} ${fileOf(block)}`);
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

describe.each(Object.keys(compilers))("every program of every page, strict, by %s", (compiler) => {
  test.each(Object.keys(layouts))(
    "compiles as it is printed, modules found as by %s",
    async (layout) => {
      expect(await compiled(folder, compiler, layout)).toBe("");
      // TypeScript 6 takes 3 s, and ten times that beside seventeen other tests.
    },
    120_000,
  );
});

test("every program is run by `npm run packed`, or by what the list of exceptions names", () => {
  const run = Object.entries(pageRuns).flatMap(([page, files]) => Object.keys(files).map((file) => `${page} ${file}`));
  const known = [...run, ...Object.keys(runElsewhere)].filter((one) => !one.endsWith(" sh"));
  expect(known.toSorted()).toEqual(programs.map((block) => `${block.page} ${fileOf(block)}`).toSorted());
});

test("a program that does not compile is seen", async () => {
  const wrong = foldersOf([{ page: "none.md", line: 1, language: "js", code: "greet();\n", file: "main.js" }]);
  const said = await compiled(wrong.folder, "TypeScript 7", "nodenext").finally(wrong.remove);
  expect(said).toContain("Cannot find name 'greet'");
});

test("what runs the other blocks is there and names the page, and each line of these lists is needed", () => {
  const idle = [...runBy, ...exempt].filter((one) =>
    one.languages.some((language) => !blocks.some((block) => block.page === one.page && block.language === language)),
  );
  expect(idle).toEqual([]);
  const silent = runBy.filter(({ page, languages, by }) => {
    const text = read(by);
    const names = pageNamesOf(page).some((name) => text.includes(name));
    return !names || !languages.every((language) => new RegExp(`(["\`]|\\{ )${language}\\b`).test(text));
  });
  expect(silent).toEqual([]);
});

/** As tests name a page: by its path, by its file's name, or, for a README, by the folder as well. */
const pageNamesOf = (page: string): string[] =>
  basename(page) === "README.md" ? [page, page.split("/").slice(-2).join("/"), '"README.md"'] : [page, basename(page)];

test("no more blocks are exempt than there were, and no more pages are run by another program than they name", () => {
  expect(runBy.filter(({ but }) => but !== undefined).map(({ page }) => page)).toEqual(["spec/1.0/bindings/sqs.md"]);
  const count = blocks.filter((block) => judgeOf(block) === "exempt").length;
  expect(count).toBeLessThanOrEqual(7);
});

/** The part of TypeScript 6 that is called here. */
interface Transpiler {
  transpileModule(
    code: string,
    options: { reportDiagnostics: true },
  ): { readonly diagnostics?: readonly { readonly messageText: unknown }[] };
}

test("code of other systems parses, and its page names their version and the day", async () => {
  const theirs = blocks.filter(isTheirs);
  const { default: typescript } = (await import(
    join(root, "test/typescript-6/node_modules/typescript/lib/typescript.js")
  )) as { default: Transpiler };
  const faults = theirs
    .filter(({ language }) => language === "ts theirs")
    .flatMap((block) => {
      const { diagnostics = [] } = typescript.transpileModule(block.code, { reportDiagnostics: true });
      return diagnostics.map(({ messageText }) => `${place(block)} ${JSON.stringify(messageText)}`);
    });
  expect(faults).toEqual([]);
  const undated = pages.filter(
    (page) =>
      page.startsWith("docs/coming-from/") && !/\d+\.\d+[\s\S]*\b20\d\d-\d\d-\d\d\b/.test(read(page).slice(0, 600)),
  );
  expect(undated).toEqual([]);
});

test("shell is well formed", () => {
  const wrong = blocks
    .filter(({ language }) => language === "sh")
    .map((block) => [place(block), spawnSync("bash", ["-n"], { input: block.code, encoding: "utf8" }).stderr])
    .filter(([, said]) => said !== "");
  expect(wrong).toEqual([]);
});

test("a line of npm installs for a page that `npm run packed` runs so, names a script here, or is a tested command", () => {
  const lines = blocks.filter(isNpm).flatMap(({ page, code }) =>
    code
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({ page, line })),
  );
  const untried = lines.filter(({ page, line }) => {
    if (line.startsWith("npm install ")) return !Object.hasOwn(pageRuns, page);
    // The commands of each page are read by test/page-commands.test.ts.
    return !/^([A-Z_]+=\S+ )?(npm (ci|run|test)\b|npx (waybill|vitest run apps\/faults)\b)/.test(line);
  });
  expect(untried).toEqual([]);
  expect(lines.filter(({ line }) => line.startsWith("npm install ")).length).toBeGreaterThan(25);
});

test("npm scripts that a page names exist", () => {
  const named = blocks.filter(isNpm).flatMap(({ code }) => [...code.matchAll(/\bnpm (?:run )?([a-z][\w:]*)/g)]);
  const scripts = named.map(([, script = ""]) => script).filter((script) => script !== "install" && script !== "ci");
  expect(scripts.length).toBeGreaterThan(10);
  expect(scripts.filter((script) => !Object.hasOwn(top.manifest.scripts ?? {}, script))).toEqual([]);
});

test("JSON parses, and what says it is an envelope is one", () => {
  const json = blocks.filter(({ language }) => language === "json");
  let envelopes = 0;
  for (const block of json) {
    const value = JSON.parse(block.code) as { spec?: string; envelope?: string };
    if (value.spec === undefined) continue;
    const envelope = value.spec === "waybill-signed/1" ? (value.envelope ?? "") : block.code;
    expect(parseEnvelope(envelope).spec, place(block)).toBe("waybill/1");
    envelopes += 1;
  }
  expect(envelopes).toBeGreaterThan(2);
});

const hasPython = spawnSync("python3", ["--version"]).status === 0;

function python(code: string, input = ""): unknown {
  const cwd = join(root, "spec/producers/python");
  const { stdout, stderr } = spawnSync("python3", ["-c", code], { cwd, input, encoding: "utf8" });
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout);
}

test("Python compiles, and the functions of the vectors' page compute what the vectors say", (context) => {
  if (!hasPython) return context.skip("python3 is not on this machine");
  const all = blocks.filter(({ language }) => language.startsWith("python"));
  const compile = "import sys, json\nfor code in json.load(sys.stdin): compile(code, 'page', 'exec')\nprint('true')";
  expect(python(compile, JSON.stringify(all.map(({ code }) => code)))).toBe(true);
  const [schedule, signature] = all.filter(({ page }) => page === "spec/1.0/vectors/README.md").map(({ code }) => code);
  const delays = `${schedule}
import json, sys
from waybill.times import duration_ms
def delays(id, failures, retry):
    waits = (duration_ms(retry["initial_interval"]), retry["backoff_coefficient"], duration_ms(retry["max_interval"]))
    return {"delays_ms": [delay_ms(id, n, *waits, retry["jitter"]) for n in failures]}
print(json.dumps([delays(**case["input"]) for case in json.load(sys.stdin)]))`;
  for (const file of ["jitter.json", "plain.json"]) {
    const vectors = read(`spec/1.0/vectors/retry-schedule/${file}`);
    const wanted = (JSON.parse(vectors) as { expect: unknown }[]).map(({ expect: outcome }) => outcome);
    expect(python(delays, vectors)).toEqual(wanted);
  }
  const secret = /`(whsec_[^`]+)`/.exec(read("spec/1.0/signing.md"))?.[1];
  const wrapper =
    blocks.find(({ page, language }) => page === "spec/1.0/signing.md" && language === "json")?.code ?? "";
  const signs = `${signature}
import json, sys
one = json.load(sys.stdin)
print(json.dumps(signature("${secret}", one["id"], one["ts"], one["envelope"].encode())))`;
  expect(python(signs, wrapper)).toBe((JSON.parse(wrapper) as { sig: string }).sig);
  return undefined;
});

test("the second implementation is called as its page says", (context) => {
  if (!hasPython) return context.skip("python3 is not on this machine");
  const page = "spec/producers/python/README.md";
  const code = blocks.find((block) => block.page === page && block.language === "sh")?.code ?? "";
  const ran = spawnSync("bash", ["-c", code], { cwd: join(root, dirname(page)), encoding: "utf8" });
  expect(JSON.parse(ran.stdout)).toEqual({ expect: { ms: 5_400_000 } });
  return undefined;
});
