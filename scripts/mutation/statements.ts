import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseAst } from "vite";

/** One statement that a run leaves out. */
export interface Statement {
  /** The argument of `__runs` in the instrumented source; unique within a run. */
  readonly number: number;
  /** Relative to the root, such as "packages/core/src/execution/execute.ts". */
  readonly file: string;
  readonly start: number;
  readonly end: number;
  /** In one line and cut: stable while the statement stays as it is, wherever it moves within its file. */
  readonly text: string;
}

type Node = { readonly type: string; readonly start: number; readonly end: number } & Record<string, unknown>;

/** Every statement that can be left out, of these files and of the sources in these folders. Both are relative to `root`. */
export function statementsIn(root: string, places: readonly string[]): Statement[] {
  const files = places
    .flatMap((place) => globSync(place.endsWith(".ts") ? place : `${place}/**/*.ts`, { cwd: root }))
    .toSorted();
  let number = 0;
  return [...new Set(files)].flatMap((file) => {
    const source = readFileSync(join(root, file), "utf8");
    const found: Node[] = [];
    visit(parseAst(source, { lang: "ts" }) as unknown as Node, (node) => {
      if (mayGo(node)) found.push(node);
    });
    return withoutTwins(found).map(({ start, end }) => {
      const text = short(source.slice(start, end).replace(/\s+/g, " "));
      return { number: number++, file: relative(root, join(root, file)), start, end, text };
    });
  });
}

/** Calls, assignments, and `if` without `else`. What declares or returns a value is left: without it nothing would run. */
function mayGo(node: Node): boolean {
  switch (node.type) {
    case "ExpressionStatement":
      return !node["directive"] && !isSuper(node["expression"] as Node);
    case "IfStatement":
      return node["alternate"] === null;
    case "ThrowStatement":
      return true;
    default:
      return false;
  }
}

function isSuper(node: Node): boolean {
  return node.type === "CallExpression" && (node["callee"] as Node).type === "Super";
}

/** Of `if (a) b();` the whole alone: without `b()` it does the same. */
function withoutTwins(nodes: readonly Node[]): Node[] {
  const only = new Set<number>();
  for (const node of nodes) {
    if (node.type !== "IfStatement") continue;
    const body = node["consequent"] as Node;
    const block = body.type === "BlockStatement" ? (body["body"] as Node[]) : [body];
    if (block.length === 1) only.add(block[0]!.start);
  }
  return nodes.filter(({ start }) => !only.has(start));
}

/** The source with each of its statements asking `__runs` first. */
export function askingFirst(source: string, statements: readonly Statement[]): string {
  const edits = statements.flatMap(({ number, start, end }) => [
    { at: start, put: `{ if (globalThis.__runs(${number})) `, order: end },
    { at: end, put: " }", order: -start },
  ]);
  // From the end on, so that what is before stays where it is; at one place the outer pair encloses the inner.
  let text = source;
  for (const { at, put } of edits.toSorted((one, other) => other.at - one.at || one.order - other.order))
    text = text.slice(0, at) + put + text.slice(at);
  return text;
}

function visit(node: Node, see: (node: Node) => void): void {
  see(node);
  for (const child of Object.values(node))
    for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) visit(one, see);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function short(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}
