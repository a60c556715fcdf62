// What each published package lets its users name, read from the sources: every export is typed out there.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ESTree, parseSync } from "vite";
import { published, root, type Workspace, workspaces } from "../test/workspace.ts";

export interface Member {
  readonly name: string;
  readonly kind: "property" | "method";
  /** The comment's text, without stars; null where there is none. */
  readonly doc: string | null;
  /** As written, on one line, without modifiers and body: "(job: JobDefinition): Promise<Receipt>". */
  readonly signature: string;
  /** The type that declares it, where that is another one; null: this one. */
  readonly inheritedFrom: string | null;
}

export interface Exported {
  readonly name: string;
  readonly kind: "function" | "class" | "interface" | "type" | "const";
  /** Relative to the root. */
  readonly file: string;
  readonly doc: string | null;
  readonly signature: string;
  /** Of classes, interfaces and object types; none of a private one. */
  readonly members: readonly Member[];
}

export interface Entry {
  /** As an import names it: "@waybill/core/testing". */
  readonly specifier: string;
  readonly exports: readonly Exported[];
}

interface Source {
  readonly file: string;
  readonly code: string;
  readonly body: readonly ESTree.Statement[];
  /** By where they end. */
  readonly comments: ReadonlyMap<number, string>;
}

/** Every entry of every published package, in the order of the folders and of the manifests. */
export function publicSurface(): Entry[] {
  return published.flatMap(({ path, manifest }) =>
    Object.entries(manifest.exports ?? {}).map(([entry, conditions]) => ({
      specifier: join(manifest.name, entry),
      exports: exportsIn(join(path, conditions["waybill-source"] ?? "")),
    })),
  );
}

const sources = new Map<string, Source>();

function sourceOf(file: string): Source {
  const known = sources.get(file);
  if (known) return known;
  const code = readFileSync(join(root, file), "utf8");
  const { program, comments, errors } = parseSync(file, code);
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0]?.message}`);
  const docs = comments.filter(({ type, value }) => type === "Block" && value.startsWith("*"));
  const source = { file, code, body: program.body, comments: new Map(docs.map(({ end, value }) => [end, value])) };
  sources.set(file, source);
  return source;
}

function exportsIn(file: string): Exported[] {
  return sourceOf(file).body.flatMap((statement) => {
    if (statement.type !== "ExportNamedDeclaration") return [];
    if (statement.declaration) return declarationsOf(statement.declaration).map(({ name }) => declared(file, name));
    return statement.specifiers.map(({ local, exported }) =>
      statement.source
        ? { ...declared(fileOf(file, statement.source.value), nameOf(local)), name: nameOf(exported) }
        : { ...declared(file, nameOf(local)), name: nameOf(exported) },
    );
  });
}

/** Follows a name to where it is declared. */
function declared(file: string, name: string): Exported {
  const source = sourceOf(file);
  const found = source.body.filter((statement) => {
    const declaration = "declaration" in statement && statement.declaration ? statement.declaration : statement;
    return declarationsOf(declaration).some((one) => one.name === name);
  });
  if (found.length > 0) return described(source, name, found);
  for (const statement of source.body) {
    if (statement.type !== "ExportNamedDeclaration" && statement.type !== "ImportDeclaration") continue;
    for (const specifier of statement.specifiers) {
      if (!statement.source || specifier.type === "ImportNamespaceSpecifier") continue;
      const here = specifier.type === "ExportSpecifier" ? specifier.exported : specifier.local;
      const there = specifier.type === "ImportSpecifier" ? specifier.imported : specifier.local;
      if (nameOf(here) === name) return declared(fileOf(file, statement.source.value), nameOf(there));
    }
  }
  throw new Error(`${file} neither declares nor imports ${name}`);
}

function described(source: Source, name: string, statements: readonly ESTree.Statement[]): Exported {
  // Overloads come before the function that serves them, which nobody sees.
  const overloads = statements.filter((one) => declarationOf(one).type === "TSDeclareFunction");
  const seen = overloads.length > 0 ? overloads : statements;
  const [first] = seen;
  if (first === undefined) throw new Error(`${name} is not declared in ${source.file}`);
  const declaration = declarationOf(first);
  const only = declarationsOf(declaration).find((one) => one.name === name);
  if (only === undefined) throw new Error(`${name} is not declared in ${source.file}`);
  return {
    name,
    kind: only.kind,
    file: source.file,
    doc: docBefore(source, first.start),
    signature: signatureOf(source, declaration),
    members: membersOf(source, declaration),
  };
}

function declarationOf(statement: ESTree.Statement): ESTree.Statement | ESTree.Declaration {
  return statement.type === "ExportNamedDeclaration" && statement.declaration ? statement.declaration : statement;
}

function declarationsOf(node: ESTree.Node): { readonly name: string; readonly kind: Exported["kind"] }[] {
  switch (node.type) {
    case "FunctionDeclaration":
    case "TSDeclareFunction":
      return node.id ? [{ name: node.id.name, kind: "function" }] : [];
    case "ClassDeclaration":
      return node.id ? [{ name: node.id.name, kind: "class" }] : [];
    case "TSInterfaceDeclaration":
      return [{ name: node.id.name, kind: "interface" }];
    case "TSTypeAliasDeclaration":
      return [{ name: node.id.name, kind: "type" }];
    case "VariableDeclaration":
      return node.declarations.flatMap(({ id }) =>
        id.type === "Identifier" ? [{ name: id.name, kind: "const" as const }] : [],
      );
    default:
      return [];
  }
}

function membersOf(source: Source, node: ESTree.Node): readonly Member[] {
  if (node.type === "TSInterfaceDeclaration") {
    const own = overloaded(node.body.body.flatMap((one) => memberOf(source, one)));
    return [...own, ...node.extends.flatMap(({ expression }) => inherited(source, expression))];
  }
  if (node.type === "ClassDeclaration") return overloaded(node.body.body.flatMap((one) => memberOf(source, one)));
  return node.type === "TSTypeAliasDeclaration" ? overloaded(membersOfType(source, node.typeAnnotation)) : [];
}

/** Of each part, where it is written out here or is ours by name. */
function membersOfType(source: Source, type: ESTree.TSType): readonly Member[] {
  if (type.type === "TSUnionType" || type.type === "TSIntersectionType") {
    return type.types.flatMap((part) => membersOfType(source, part));
  }
  if (type.type === "TSTypeLiteral") return type.members.flatMap((one) => memberOf(source, one));
  return type.type === "TSTypeReference" && type.typeName.type === "Identifier" ? inherited(source, type.typeName) : [];
}

/** Members of what is extended by name, where it is ours; "Omit<…>" and the like are described where they point. */
function inherited(source: Source, base: ESTree.Node): readonly Member[] {
  if (base.type !== "Identifier" || !isOurs(source, base.name)) return [];
  return declared(source.file, base.name).members.map((one) => ({
    ...one,
    inheritedFrom: one.inheritedFrom ?? base.name,
  }));
}

function isOurs({ body }: Source, name: string): boolean {
  return body.some((one) =>
    one.type === "ImportDeclaration"
      ? one.source.value.startsWith(".") && one.specifiers.some(({ local }) => local.name === name)
      : declarationsOf(declarationOf(one)).some((declaration) => declaration.name === name),
  );
}

/** A comment on one of several signatures is about all of them. */
function overloaded(members: readonly Member[]): Member[] {
  return members.map((one) => ({
    ...one,
    doc: one.doc ?? members.find(({ name, doc }) => name === one.name && doc !== null)?.doc ?? null,
  }));
}

function memberOf(source: Source, node: ESTree.TSSignature | ESTree.ClassElement): Member[] {
  if (!("key" in node) || node.key.type === "PrivateIdentifier") return [];
  if ("accessibility" in node && node.accessibility === "private") return [];
  const name = node.key.type === "Identifier" ? node.key.name : source.code.slice(node.key.start, node.key.end);
  if (name === "constructor") return [];
  const method = node.type === "TSMethodSignature" || (node.type === "MethodDefinition" && node.kind === "method");
  const doc = docBefore(source, node.start);
  return [
    { name, kind: method ? "method" : "property", doc, signature: signatureOf(source, node), inheritedFrom: null },
  ];
}

/** The comment that ends where the node begins, but for white space. */
function docBefore({ code, comments }: Source, start: number): string | null {
  const value = comments.get(code.slice(0, start).trimEnd().length);
  return value === undefined
    ? null
    : value
        .replaceAll(/^\s*\*? ?/gm, " ")
        .replaceAll(/\s+/g, " ")
        .trim();
}

/** A parameter that is taken apart at once has no name: its type gives it one. */
function signatureOf(source: Source, node: ESTree.Node): string {
  const text = (part: ESTree.Node | null | undefined): string =>
    part ? source.code.slice(part.start, part.end).replaceAll(/\s+/g, " ").replaceAll("readonly ", "") : "";
  if (node.type === "MethodDefinition") return `${text(node.key)}${signatureOf(source, node.value)}`;
  if ("params" in node && Array.isArray(node.params)) {
    const params = (node.params as ESTree.Node[]).map((one) => parameter(one, text));
    const key = "key" in node ? text(node.key as ESTree.Node) : "";
    const result = "returnType" in node ? node.returnType : null;
    return `${key}(${params.join(", ")})${text(result)}`;
  }
  if (node.type === "VariableDeclaration") return text(node.declarations[0]?.id);
  if ("key" in node && "typeAnnotation" in node)
    return `${text(node.key)}${"optional" in node && node.optional ? "?" : ""}${text(node.typeAnnotation as ESTree.Node)}`;
  return "";
}

function parameter(node: ESTree.Node, text: (part: ESTree.Node | null | undefined) => string): string {
  if (node.type === "AssignmentPattern") return parameter(node.left, text).replace(/^(\w+)\??/, "$1?");
  if (node.type !== "ObjectPattern") return text(node);
  const type = text(node.typeAnnotation).replace(/^: /, "");
  const isNamed = /^\w+$/.test(type) && !type.endsWith("Options");
  return `${isNamed ? type[0]?.toLowerCase() + type.slice(1) : "options"}: ${type}`;
}

function nameOf(node: ESTree.Node): string {
  if (node.type === "Identifier") return node.name;
  if (node.type === "Literal") return String(node.value);
  throw new Error(`an export is named by a ${node.type}`);
}

/** The file behind a specifier: a neighbour's, or that of a package of ours. */
function fileOf(from: string, specifier: string): string {
  if (specifier.startsWith(".")) return join(dirname(from), specifier);
  const owner = workspaces.find(
    ({ manifest }) => specifier === manifest.name || specifier.startsWith(`${manifest.name}/`),
  );
  if (owner === undefined) throw new Error(`${from} exports what comes from ${specifier}`);
  return join(owner.path, entryOf(owner, specifier));
}

function entryOf({ manifest }: Workspace, specifier: string): string {
  const conditions = manifest.exports?.[`.${specifier.slice(manifest.name.length)}`];
  return conditions?.["waybill-source"] ?? "";
}
