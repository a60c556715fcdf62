import { readFileSync } from "node:fs";
import { parseAst } from "vite";

/** One source with one validation taken out or moved by one step. */
export interface Mutant {
  readonly file: string;
  /** What was done, in the words of the source: stable while the line stays as it is, wherever it moves. */
  readonly what: string;
  readonly source: string;
}

type Node = { readonly type: string; readonly start: number; readonly end: number } & Record<string, unknown>;

interface Edit {
  readonly node: Node;
  readonly put: string;
}

/** These throw what a reader is told; without the call there is no refusal. */
const REFUSING = new Set(["refuse", "wrongType"]);
/** These check what they are given and hand it on. */
const PASSING = new Set(["text", "object"]);
/** These take their limits as numbers: the least first where there are two, the most last. */
const LIMITED: Readonly<Record<string, readonly string[]>> = {
  integerRule: ["-1e300", "1e300"],
  numberRule: ["-1e300"],
  stringRule: ["1e9"],
  listRule: ["-1", "1e9"],
  named: ["1e9"],
  pair: ["", "", "99"],
};
const BESIDE: Readonly<Record<string, string>> = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" };

/** Every mutant of one file. */
export function mutantsOf(file: string): Mutant[] {
  const source = readFileSync(file, "utf8");
  const lines = source.split("\n");
  const edits: Edit[] = [];
  visit(parseAst(source, { lang: "ts" }) as unknown as Node, false, (node, judges) =>
    edits.push(...editsOf(node, judges, source)),
  );
  const seen = new Set<string>();
  return edits.flatMap(({ node, put }) => {
    const mutated = source.slice(0, node.start) + put + source.slice(node.end);
    if (seen.has(mutated)) return [];
    seen.add(mutated);
    const cut = source.slice(node.start, node.end).replace(/\s+/g, " ");
    const line = lines[source.slice(0, node.start).split("\n").length - 1]!.trim();
    return { file, what: `${short(cut)} -> ${short(put)}${line === cut ? "" : ` in ${short(line)}`}`, source: mutated };
  });
}

/**
 * Walks the tree; `judges` is true within what decides: a test, or a value that is returned. Tests of loops are left alone, and so
 * is what writes: it judges nothing that a reader is given.
 */
function visit(node: Node, judges: boolean, see: (node: Node, judges: boolean) => void): void {
  if (node.type === "FunctionDeclaration" && nameOf(node).startsWith("format")) return;
  see(node, judges);
  const isLoop = /^(For|While|DoWhile)/.test(node.type);
  for (const [name, child] of Object.entries(node)) {
    if (isLoop && name !== "body") continue;
    const decides =
      judges ||
      name === "test" ||
      node.type === "ReturnStatement" ||
      (node.type.startsWith("Arrow") && name === "body") ||
      node.type === "VariableDeclarator";
    const inner = decides && !/Function|BlockStatement/.test(node.type === "ArrowFunctionExpression" ? "" : node.type);
    for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) visit(one, inner, see);
  }
}

function editsOf(node: Node, judges: boolean, source: string): Edit[] {
  const text = ({ start, end }: Node): string => source.slice(start, end);
  switch (node.type) {
    case "IfStatement":
      return refuses(node["consequent"] as Node, source) ? [{ node: node["test"] as Node, put: "false" }] : [];
    case "ExpressionStatement":
      return calleeOf(node["expression"] as Node, source) === null ? [] : [{ node, put: ";" }];
    case "UnaryExpression":
      return node["operator"] === "void" ? [{ node, put: "undefined" }] : [];
    case "CallExpression": {
      const callee = calleeOf(node, source)!;
      const given = node["arguments"] as Node[];
      if (REFUSING.has(callee)) return [{ node, put: "undefined" }];
      if (PASSING.has(callee)) return [{ node, put: text(given[0]!) }];
      if (callee === "membersOf")
        return (given[1]!["properties"] as Node[]).map((one) => ({ node: one["value"] as Node, put: "() => {}" }));
      const limits = LIMITED[callee] ?? [];
      return given.flatMap((one, at) =>
        limits[at] && /^-?[1-9][\d_]*$/.test(text(one)) && text(one) !== limits[at]
          ? [{ node: one, put: limits[at] }]
          : [],
      );
    }
    case "LogicalExpression": {
      if (node["operator"] === "??") return [];
      const [left, right] = [node["left"] as Node, node["right"] as Node];
      // Of `a || b || c` each goes once: what is on the left is looked into by itself.
      const nested = left.type === "LogicalExpression" && left["operator"] === node["operator"];
      return [{ node, put: text(left) }, ...(nested ? [] : [{ node, put: text(right) }])];
    }
    case "BinaryExpression": {
      const beside = BESIDE[String(node["operator"])];
      if (!judges || beside === undefined) return [];
      return [{ node, put: `${text(node["left"] as Node)} ${beside} ${text(node["right"] as Node)}` }];
    }
    case "Literal":
      return "regex" in node ? loosened(text(node)).map((put) => ({ node, put })) : [];
    default:
      return [];
  }
}

/** The pattern without each of its ends, looks ahead and counts. */
function loosened(regex: string): string[] {
  const without = (part: RegExp, put: string): string[] =>
    [...regex.matchAll(part)].map(
      ({ 0: found, index }) => regex.slice(0, index) + put + regex.slice(index + found.length),
    );
  return [
    ...without(/(?<=^\/)\^/g, ""),
    ...without(/\$(?=\/[a-z]*$)/g, ""),
    ...without(/\(\?=[^)]*\)/g, ""),
    ...without(/\{[\d,]+\}/g, "+"),
  ];
}

function refuses(node: Node, source: string): boolean {
  const text = source.slice(node.start, node.end);
  return /\b(refuse|wrongType|throw|refuseFault)\b|return (Number\.NaN|false|null|fault)\b/.test(text);
}

function calleeOf(node: Node, source: string): string | null {
  if (node.type !== "CallExpression") return null;
  const callee = node["callee"] as Node;
  return source.slice(callee.start, callee.end);
}

function nameOf(node: Node): string {
  return String((node["id"] as { readonly name?: string } | null)?.name);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function short(text: string): string {
  return text.length <= 90 ? text : `${text.slice(0, 89)}…`;
}
