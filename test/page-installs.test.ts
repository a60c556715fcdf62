import { expect, test } from "vitest";
import { namesOf } from "../scripts/packed/install-lines.ts";
import { type Block, blocks, isProgram, place } from "./code-blocks/blocks.ts";
import { published } from "./workspace.ts";

const isCode = (block: Block): boolean => isProgram(block) || block.language === "cts";

/** Pages whose reader has more than the page says to install, each with the reason. */
const others: Readonly<Record<string, string>> = {
  "README.md": "shows the first lines of other READMEs, and its reader has this repository",
  "CONTRIBUTING.md": "its reader has this repository",
};

/** What a page's reader has before its first line. */
const before: Readonly<Record<string, RegExp>> = {
  "packages/nest/README.md": /^(@nestjs\/(common|core|platform-express)|reflect-metadata|rxjs)$/,
  // Next is where its recipe begins, Jest where Nest's stock project has it.
  "docs/push.md": /^next(\/|$)/,
};

const backends: Readonly<Record<string, string>> = {
  sqlite: "@waybill/sqlite",
  redis: "@waybill/bullmq",
  amqp: "@waybill/rabbitmq",
  postgres: "@waybill/postgres",
  sqs: "@waybill/sqs",
};

const packageOf = (specifier: string): string => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;

/** What must be installed for a package: it, and what its manifest leaves to the user. */
function withPeers(name: string): string[] {
  const manifest = published.find(({ manifest: { name: own } }) => own === name)?.manifest;
  const optional =
    (manifest as { peerDependenciesMeta?: Record<string, unknown> } | undefined)?.peerDependenciesMeta ?? {};
  return [name, ...Object.keys(manifest?.peerDependencies ?? {}).filter((peer) => !Object.hasOwn(optional, peer))];
}

/** The packages that a program imports, and those of the backends that it connects to. */
function neededBy({ code }: Block): string[] {
  const imported = [...code.matchAll(/(?:\bfrom |\bimport )"([^"]+)"|\bimport\("([^"]+)"\)/g)]
    .map(([, ...found]) => found.find((one) => one !== undefined) ?? "")
    .filter((specifier) => !/^(node:|\.|@\/)/.test(specifier))
    .map(packageOf);
  const connected = [...code.matchAll(/["`](sqlite|redis|amqp|postgres|sqs):/g)].map(
    ([, scheme = ""]) => backends[scheme] ?? "",
  );
  return [...imported, ...connected].flatMap(withPeers);
}

const missing = (block: Block, names: readonly string[]): string[] =>
  [...new Set(neededBy(block))].filter((name) => !names.includes(name) && !before[block.page]?.test(name));

test("each program has no more packages than its page says to install", () => {
  const wrong = blocks
    .filter((block) => isCode(block) && !Object.hasOwn(others, block.page))
    .map((block) => [place(block), missing(block, namesOf(block.page))] as const)
    .filter(([, names]) => names.length > 0);
  expect(wrong).toEqual([]);
});

test("a package that a page does not name is seen, also that of a URL and what a package leaves to its user", () => {
  const code = 'import { connect } from "@waybill/core";\nawait connect("postgres://localhost/shop");\n';
  const block = { page: "none.md", line: 1, language: "js", code, file: null };
  expect(missing(block, ["@waybill/core"])).toEqual(["@waybill/postgres", "pg"]);
});
