import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { read, root } from "./workspace.ts";

const CODE = "[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*";

const textsOf = (pattern: string): string[] =>
  globSync(pattern, { cwd: root }).map((path) => readFileSync(join(root, path), "utf8"));

/** Where a code is explained: the index is made of these. */
const pages = ["spec/1.0/{envelope,push,signing}.md", "spec/1.0/bindings/*.md"].flatMap(textsOf).join("\n");
const named: ReadonlySet<string> = new Set(
  [...pages.matchAll(new RegExp(`\`(${CODE})\``, "g"))].map(([, code = ""]) => code),
);

/** Names in capitals on pages that are no codes of ours: of AMQP, SQL, Redis, HTTP and durations. */
const OTHERS =
  /^(PT\w*|T|INSERT|SELECT|RETURNING|SAVEPOINT|USAGE|LMOVE|LPUSH|POST|HEAD|NO_ROUTE|PRECONDITION_FAILED|AWS_\w+|HTTP_\d+)$/;

const sources = textsOf("packages/*/src/**/*.ts").join("\n");

/** What the sources of everything that judges, runs, stores or answers a job write as a code of it. */
const WRITTEN = [
  /\b(?:release|dead|rejected)\(\s*[^"()]*"([A-Z][A-Z0-9_]+)"/g,
  /\bcode: "([A-Z][A-Z0-9_]+)"/g,
  /\? \w+\.envelopeCode : "([A-Z_]+)"/g,
  /new PushRefused\(\s*\d+,\s*"([A-Z_]+)"/g,
  /\brefuse\(\s*"([A-Z_]+)"/g,
  /new EnvelopeError\(\s*"([A-Z_]+)"/g,
];
/** Of a call that failed in this process; no job and no answer has it. */
const OF_THE_PROCESS: ReadonlySet<string> = new Set([
  "ENQUEUE_UNKNOWN",
  "NOT_REPLICATED",
  "FLOW_DAMAGED",
  "JOB_DEAD",
  "JOB_LOST",
]);

function writtenCodes(): string[] {
  const packages = ["core", "http", "bullmq", "rabbitmq", "sqs", "sqlite", "postgres"];
  const texts = packages.flatMap((name) => textsOf(`packages/${name}/src/**/*.ts`));
  const codes = texts.flatMap((text) =>
    WRITTEN.flatMap((form) => [...text.matchAll(form)].map(([, code = ""]) => code)),
  );
  const problems = read("packages/http/src/push/push-refused.ts").split("export class")[0] ?? "";
  const refused = [...problems.matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code = ""]) => code);
  return [...new Set([...codes, ...refused])].filter((code) => !OF_THE_PROCESS.has(code)).toSorted();
}

/** Under these members a vector has a code. */
const MEMBERS: ReadonlySet<string> = new Set(["code", "waybill-reason", "refusal"]);

function codesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    MEMBERS.has(name) && typeof inner === "string" ? [inner] : codesIn(inner),
  );
}

/** What a handler may call its own errors: the vectors have some, to show that any text may be one. */
const OF_HANDLERS: ReadonlySet<string> = new Set(["E", "ECARD", "ECONNREFUSED", "NO_CREDIT"]);
const isOfHandlers = (code: string): boolean =>
  OF_HANDLERS.has(code) || /^E{2,}$/.test(code) || !new RegExp(`^${CODE}$`).test(code);

describe("every code has its place on a page of the spec", () => {
  test("that the code writes", () => {
    const codes = writtenCodes();
    expect(codes.length).toBeGreaterThan(55);
    expect(codes.filter((code) => !named.has(code))).toEqual([]);
  });

  test("that a vector has", () => {
    const codes = new Set(textsOf("spec/1.0/vectors/**/*.json").flatMap((text) => codesIn(JSON.parse(text))));
    const unnamed = [...codes].filter((code) => !named.has(code) && !isOfHandlers(code) && !/^HTTP_\d{3}$/.test(code));
    expect(codes.size).toBeGreaterThan(60);
    expect(unnamed).toEqual([]);
  });
});

test("every code on a page is one that the code writes", () => {
  const unknown = [...named].filter((code) => !OTHERS.test(code) && !sources.includes(`"${code}"`));
  expect(named.size).toBeGreaterThan(70);
  expect(unknown).toEqual([]);
});
