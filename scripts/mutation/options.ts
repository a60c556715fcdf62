import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAst } from "vite";

/** One interface of options, as its source has it. */
export interface OptionsInterface {
  readonly name: string;
  readonly file: string;
  readonly members: readonly string[];
  /** Names of those it extends, `Omit` and `Pick` looked through. */
  readonly parents: readonly string[];
  /** Members that hold options themselves: `shutdown` of WorkerOptions is ShutdownLimits. */
  readonly inner: Readonly<Record<string, string>>;
}

/** One member that a run ignores. */
export interface Ignored {
  readonly member: string;
  /** The interface that declares it, and those that extend that one. */
  readonly types: readonly string[];
  /** By type: members that hold an object of those types. */
  readonly holders: Readonly<Record<string, readonly string[]>>;
}

/** How to ignore one member of one interface, wherever it is taken. */
export function ignoring(owner: string, member: string, all: readonly OptionsInterface[]): Ignored {
  const types = [owner];
  for (const one of types)
    types.push(
      ...all.filter(({ name, parents }) => parents.includes(one) && !types.includes(name)).map(({ name }) => name),
    );
  const direct = new Map(
    all.map(({ name, inner }) => [name, Object.keys(inner).filter((key) => types.includes(inner[key]!))]),
  );
  const inherited = (name: string): string[] => [
    ...(direct.get(name) ?? []),
    ...(all.find((one) => one.name === name)?.parents ?? []).flatMap(inherited),
  ];
  return { member, types, holders: Object.fromEntries(all.map(({ name }) => [name, [...new Set(inherited(name))]])) };
}

type Node = { readonly type: string; readonly start: number; readonly end: number } & Record<string, unknown>;

const NAMED = /(Options|Limits)$/;

/** Every interface of options in the sources of a package, and every type that is made of such. */
export function optionsIn(folder: string): OptionsInterface[] {
  return globSync("src/**/*.ts", { cwd: folder })
    .toSorted()
    .flatMap((path) => {
      const file = join(folder, path);
      const { body } = parseAst(readFileSync(file, "utf8"), { lang: "ts" }) as unknown as { body: Node[] };
      return body
        .map((statement) => (statement["declaration"] as Node | null | undefined) ?? statement)
        .filter((one) => /^TS(Interface|TypeAlias)Declaration$/.test(one.type) && NAMED.test(idOf(one)))
        .map((one) => declared(one, file));
    });
}

function declared(node: Node, file: string): OptionsInterface {
  const isInterface = node.type === "TSInterfaceDeclaration";
  const members = isInterface ? ((node["body"] as Node)["body"] as Node[]) : membersWithin(node);
  const named = members.filter(({ type }) => type === "TSPropertySignature");
  const nameOf = (member: Node): string => String((member["key"] as { name?: string }).name);
  const inner = named.map((one) => [nameOf(one), namesIn(one["typeAnnotation"]).find((name) => NAMED.test(name))]);
  return {
    name: idOf(node),
    file,
    members: [...new Set(named.map(nameOf))],
    parents: (isInterface ? (node["extends"] as Node[]).flatMap(namesIn) : namesIn(node["typeAnnotation"])).filter(
      (name) => NAMED.test(name),
    ),
    inner: Object.fromEntries(inner.filter(([, name]) => name !== undefined)) as Record<string, string>,
  };
}

function membersWithin(node: Node): Node[] {
  const members: Node[] = [];
  visit(node, (one) => one.type === "TSPropertySignature" && members.push(one));
  return members;
}

/**
 * The source with a hand in every function that takes options: what it is given goes through `__without`, which leaves out
 * the one member that this run ignores. One text for all runs, so that it is compiled once.
 */
export function instrumented(source: string, interfaces: ReadonlySet<string>): string {
  const edits: { at: number; to: number; put: string }[] = [];
  let given = 0;
  visit(parseAst(source, { lang: "ts" }) as unknown as Node, (node) => {
    const body = node["body"] as Node | null;
    if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type) || !body) return;
    const first: string[] = [];
    for (const param of node["params"] as Node[]) {
      const target = param.type === "AssignmentPattern" ? (param["left"] as Node) : param;
      const annotation = target["typeAnnotation"] as Node | null | undefined;
      const name = namesIn(annotation).find((one) => interfaces.has(one));
      // The type of one member, or a list, is not the options themselves.
      if (!annotation || name === undefined || source.slice(annotation.start, annotation.end).includes("[")) continue;
      if (target.type === "Identifier") {
        first.push(`${String(target["name"])} = globalThis.__without("${name}", ${String(target["name"])});`);
      } else if (target.type === "ObjectPattern") {
        first.push(
          `let ${source.slice(target.start, annotation.start)} = globalThis.__without("${name}", given${given});`,
        );
        edits.push({ at: target.start, to: annotation.start, put: `given${given++}` });
      }
    }
    if (first.length === 0) return;
    if (body.type === "BlockStatement")
      return void edits.push({ at: body.start + 1, to: body.start + 1, put: first.join(" ") });
    // What an arrow answers may stand on the next line, or in parentheses, which belong to no node.
    const arrow = source.lastIndexOf("=>", body.start) + 2;
    edits.push(
      { at: arrow, to: arrow, put: ` { ${first.join(" ")} return (` },
      { at: node.end, to: node.end, put: "); }" },
    );
  });
  let text = source;
  for (const { at, to, put } of edits.toSorted((one, other) => other.at - one.at))
    text = text.slice(0, at) + put + text.slice(to);
  return text;
}

function visit(node: Node, see: (node: Node) => void): void {
  see(node);
  for (const child of Object.values(node))
    for (const one of Array.isArray(child) ? child : [child]) if (isNode(one)) visit(one, see);
}

/** Names of types within an annotation, and what an interface extends. */
function namesIn(value: unknown): string[] {
  const names: string[] = [];
  if (isNode(value)) visit(value, (node) => node.type === "Identifier" && names.push(String(node["name"])));
  return names;
}

function idOf(node: Node): string {
  return String((node["id"] as { readonly name: string }).name);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
