import { existsSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { importsOf, root, sources, workspaces } from "./workspace.ts";

/** The folders of core from the ground up. A folder imports from its own and from those before it. */
const FLOORS = [
  "values",
  "errors.ts",
  "known-options.ts",
  "time",
  "envelope",
  "backend",
  "memory",
  "signing",
  "job",
  "observability",
  "execution",
  "features",
  "producer",
  "worker",
  "connect",
  "import",
  "testing",
  "exports",
  "index.ts",
];

type Graph = ReadonlyMap<string, readonly string[]>;

/** Every file below `folder` with the files below it that it imports, types included. */
function filesOf(folder: string): Graph {
  return new Map(
    sources(folder).map((file) => [
      file,
      importsOf(file)
        .map(({ specifier }) => specifier)
        .filter((specifier) => specifier?.startsWith(".") === true)
        .map((specifier) => normalize(join(dirname(file), specifier ?? ""))),
    ]),
  );
}

const topOf = (folder: string, file: string): string => relative(folder, file).split("/")[0] ?? "";

function foldersOf(folder: string, files: Graph): Graph {
  const found = new Map<string, Set<string>>();
  for (const [file, imported] of files) {
    const from = topOf(folder, file);
    const to = found.get(from) ?? new Set();
    for (const target of imported) if (topOf(folder, target) !== from) to.add(topOf(folder, target));
    found.set(from, to);
  }
  return new Map([...found].map(([from, to]) => [from, [...to]]));
}

/** Each cycle once, as the way around it. */
function cyclesOf(graph: Graph): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (node: string, way: readonly string[]): void => {
    const at = way.indexOf(node);
    if (at !== -1) cycles.push([...way.slice(at), node].join(" -> "));
    if (at !== -1 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...way, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return cycles;
}

const folders = workspaces.map(({ path }) => join(path, "src")).filter((path) => existsSync(join(root, path)));

describe.each(folders)("%s", (folder) => {
  test("has files and folders that import each other in one direction only", () => {
    const files = filesOf(folder);
    expect([...cyclesOf(files), ...cyclesOf(foldersOf(folder, files))]).toEqual([]);
  });
});

test("a folder of core imports only from folders below it", () => {
  const upwards = [...foldersOf("packages/core/src", filesOf("packages/core/src"))].flatMap(([from, to]) =>
    to.filter((target) => FLOORS.indexOf(target) >= FLOORS.indexOf(from)).map((target) => `${from} -> ${target}`),
  );
  expect(upwards).toEqual([]);
});

test("every folder of core has its floor", () => {
  const found = [...foldersOf("packages/core/src", filesOf("packages/core/src")).keys()];
  expect(found.toSorted()).toEqual(FLOORS.toSorted());
});

test("a cycle is found wherever it starts, and named", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["c"]],
    ["c", ["b"]],
  ]);
  expect(cyclesOf(graph)).toEqual(["b -> c -> b"]);
  expect(
    cyclesOf(
      new Map([
        ["a", ["b", "c"]],
        ["b", ["c"]],
        ["c", []],
      ]),
    ),
  ).toEqual([]);
});
