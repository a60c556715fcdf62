import { parseSync } from "vite";
import { expect, test } from "vitest";
import { published, read, sources } from "./workspace.ts";

/** A node of the syntax tree, as far as it is read here. */
type Node = { readonly type: string; readonly start: number } & Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value;

function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield child;
  }
}

/** What such a parameter is called where it holds what somebody threw. */
const THROWN = /^(thrown|error|err|cause|bug|reason)$/;

function paramsOf(node: Node): readonly unknown[] {
  if (node.type === "CatchClause") return [node["param"]];
  return Array.isArray(node["params"]) ? node["params"] : [];
}

/** The names in `node` that hold a thrown value: what a `catch` caught, and a parameter of type unknown. */
function thrownIn(node: Node): string[] {
  return paramsOf(node)
    .filter(isNode)
    .filter(({ type }) => type === "Identifier")
    .filter((param) => node.type === "CatchClause" || isUnknown(param["typeAnnotation"]))
    .map(({ name }) => String(name))
    .filter((name) => node.type === "CatchClause" || THROWN.test(name));
}

const isUnknown = (annotation: unknown): boolean =>
  isNode(annotation) &&
  isNode(annotation["typeAnnotation"]) &&
  annotation["typeAnnotation"].type === "TSUnknownKeyword";

/**
 * Whether `node` turns one of `names` into text, compares its class, or gives it a type it may not have: each may throw.
 * Reading a member needs one of them first, or the compiler complains.
 */
function readsRaw(node: Node, names: ReadonlySet<string>): boolean {
  const isThrown = (value: unknown): boolean =>
    isNode(value) && value.type === "Identifier" && names.has(String(value["name"]));
  const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  switch (node.type) {
    case "TemplateLiteral":
      return list(node["expressions"]).some(isThrown);
    case "CallExpression":
      return isNode(node["callee"]) && node["callee"]["name"] === "String" && list(node["arguments"]).some(isThrown);
    case "BinaryExpression":
      return node["operator"] === "+"
        ? isThrown(node["left"]) || isThrown(node["right"])
        : node["operator"] === "instanceof" && isThrown(node["left"]);
    case "TSAsExpression":
      return isThrown(node["expression"]);
    default:
      return false;
  }
}

function rawReads(code: string, path = "x.ts"): string[] {
  const found: string[] = [];
  const visit = (node: Node, names: ReadonlySet<string>): void => {
    const own = thrownIn(node);
    const all = own.length === 0 ? names : new Set([...names, ...own]);
    if (readsRaw(node, all)) {
      const line = code.slice(0, node.start).split("\n").length;
      found.push(`${path}:${line}: ${code.split("\n")[line - 1]?.trim()}`);
    }
    for (const child of childrenOf(node)) visit(child, all);
  };
  visit(parseSync(path, code).program as unknown as Node, new Set());
  return found;
}

test("what reads a thrown value is found, and what asks core for it is not", () => {
  const caught = (body: string): string => `try { f(); } catch (thrown) { ${body} }`;
  for (const body of [
    "say(`no: ${thrown}`);",
    "say(String(thrown));",
    'say("no: " + thrown);',
    "say((thrown as Error).message);",
    "if (thrown instanceof Error) say(thrown);",
  ]) {
    expect(rawReads(caught(body))).not.toEqual([]);
    expect(rawReads(`p.catch((error: unknown) => { ${body.replaceAll("thrown", "error")} });`)).not.toEqual([]);
  }
  expect(rawReads(caught("say(describeError(thrown), toError(thrown).message);"))).toEqual([]);
});

test("no package reads a thrown value but through core, where reading one cannot throw", () => {
  const files = published.flatMap(({ path }) => sources(`${path}/src`));
  const found = files
    .filter((file) => file !== "packages/core/src/values/thrown.ts")
    .flatMap((file) => rawReads(read(file), file));
  expect(found).toEqual([]);
});
