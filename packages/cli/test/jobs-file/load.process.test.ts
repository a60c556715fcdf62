import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jobsFileFault } from "../../src/jobs-file/load-error.ts";
import { waybill } from "../cli.ts";

let folder = "";
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "waybill-jobs-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compile = "compile it and name the .js file";

/** What people have in a TypeScript project, by what the one line must say of it. */
test.each<[what: string, files: Readonly<Record<string, string>>, says: readonly string[]]>([
  [
    "an enum",
    { "jobs.ts": "\nenum Size { Small, Large }\nexport const size = Size.Small;" },
    ["enum of TypeScript needs a compiler", "jobs.ts:2", "const object", compile],
  ],
  [
    "an enum in a file that it imports",
    { "jobs.ts": 'import "./size.ts";', "size.ts": "enum Size { Small }\nexport const size = Size.Small;" },
    ["enum of TypeScript needs a compiler", "size.ts:1", compile],
  ],
  [
    "a parameter property",
    { "jobs.ts": "class Mail { constructor(private to: string) {} }\nexport const mail = new Mail('a');" },
    ["parameter property of TypeScript needs a compiler", "jobs.ts:1", "Write it without", compile],
  ],
  [
    'an import of "./mail.js", where mail.ts is',
    { "jobs.ts": 'import "./mail.js";', "mail.ts": "export {};" },
    ["Cannot find module", "/mail.ts is there", "rewriteRelativeImportExtensions", compile],
  ],
  [
    'an import of "./mail.mjs", where mail.mts is',
    { "jobs.mts": 'import "./mail.mjs";', "mail.mts": "export {};" },
    ["/mail.mts is there", compile],
  ],
  [
    'an import of "./mail"',
    { "jobs.ts": 'import "./mail";', "mail.ts": "export {};" },
    ["/mail.ts is there", "rewriteRelativeImportExtensions"],
  ],
  [
    "an import of a folder",
    { "jobs.ts": 'import "./mail";', "mail/index.ts": "export {};" },
    ["/mail/index.ts is there"],
  ],
  [
    "an import by an alias",
    { "jobs.ts": 'import "@/mail";' },
    ["Cannot find package '@/mail'", '"paths" of tsconfig.json', "relative path", compile],
  ],
  [
    "a type imported as a value",
    {
      "jobs.ts": 'import { Mail } from "./mail.ts"; export const a: Mail = {};',
      "mail.ts": "export interface Mail {}",
    },
    ["export named 'Mail'", 'write "import type"'],
  ],
  ["a decorator", { "jobs.ts": "const it = (x: unknown) => x;\n@it class A {}\nexport {};" }, ["decorators", compile]],
  ["JSX", { "jobs.tsx": "export const a = <div />;" }, ["Node reads no JSX", compile]],
])("a jobs file with %s: one line says what to do", async (what, files, says) => {
  const place = join(folder, what.replaceAll(/\W+/g, "-"));
  for (const [name, text] of Object.entries({ "package.json": '{ "type": "module" }', ...files })) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), text);
  }
  const [jobs = ""] = Object.keys(files);
  const { code, stderr } = await waybill(["worker", "--url", "memory:", "--jobs", jobs], { cwd: place });
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr).toMatch(new RegExp(`^error: the jobs file ${jobs} cannot be loaded: `));
  for (const part of says) expect(stderr).toContain(part);
  expect(code).toBe(2);
});

test("a Node that reads no TypeScript is named, with the one that does", () => {
  const error = Object.assign(new TypeError('Unknown file extension ".ts" for /app/jobs.ts'), {
    code: "ERR_UNKNOWN_FILE_EXTENSION",
  });
  expect(jobsFileFault("/app/jobs.ts", error)).toBe(
    `this is Node ${process.versions.node}, which reads no TypeScript; use Node 22.18 or newer, or ${compile}`,
  );
});

test("what a JavaScript file throws is left as it is", () => {
  expect(jobsFileFault("/app/jobs.js", new SyntaxError("Unexpected end of input"))).toBe("Unexpected end of input");
});
