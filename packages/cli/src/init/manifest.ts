import { version } from "../version.ts";
import type { BackendChoice } from "./backends.ts";
import type { Written } from "./files.ts";
import { dependenciesOf, isRecord, type Manifest, type Project } from "./project.ts";

/** Third-party packages, in the versions that waybill is tested with. */
export const OTHERS: Readonly<Record<string, string>> = {
  zod: "^4.6.7",
  typescript: "^7.0.2",
  "@types/node": "^22.20.5",
};

const ONLY_TO_DEVELOP: ReadonlySet<string> = new Set(["typescript", "@types/node"]);

/** The placeholder that `npm init` writes. */
const NO_TEST = /no test specified/;

/** The new package.json, and the names of its scripts. */
export interface Merged {
  readonly text: string;
  /** The name of each script; it differs from the wanted one where that is in use. */
  readonly scripts: Readonly<Record<string, string>>;
  /** Scripts for which no name was free. */
  readonly clashes: readonly string[];
}

/** Adds scripts and dependencies. Existing entries keep their values and order, the file its indentation. */
export function merged(project: Project, written: Written, backend: BackendChoice): Merged {
  const { manifest } = project;
  const known = dependenciesOf(manifest);
  const wanted = dependenciesFor(written, backend).filter(([name]) => !known.has(name));
  const named = scriptsIn(manifest, written.scripts);
  const scripts = Object.entries(named).flatMap(([asked, name]): [string, string][] =>
    name === null ? [] : [[name, written.scripts[asked] ?? ""]],
  );
  const changed = {
    ...manifest,
    scripts: { ...asRecord(manifest["scripts"]), ...Object.fromEntries(scripts) },
    dependencies: sorted(
      manifest["dependencies"],
      wanted.filter(([name]) => !ONLY_TO_DEVELOP.has(name)),
    ),
    devDependencies: sorted(
      manifest["devDependencies"],
      wanted.filter(([name]) => ONLY_TO_DEVELOP.has(name)),
    ),
  };
  const { devDependencies, ...rest } = changed;
  const whole = Object.keys(devDependencies).length === 0 ? rest : changed;
  return {
    text: `${JSON.stringify(whole, null, indentOf(project.text))}\n`,
    scripts: Object.fromEntries(
      Object.entries(named).flatMap(([asked, name]) => (name === null ? [] : [[asked, name]])),
    ),
    clashes: Object.entries(named).flatMap(([asked, name]) => (name === null ? [asked] : [])),
  };
}

function dependenciesFor(written: Written, backend: BackendChoice): [name: string, range: string][] {
  const own = ["@waybill/cli", "@waybill/core", `@waybill/${backend.name}`].map((name): [string, string] => [
    name,
    `^${version}`,
  ]);
  const more = written.needs.map((name): [string, string] => [name, OTHERS[name] ?? `^${version}`]);
  return [...own, ...Object.entries(backend.clients), ...more];
}

/** Returns a name for each script: its own, or prefixed by "waybill:", or null if both are in use. */
function scriptsIn(manifest: Manifest, wanted: Readonly<Record<string, string>>): Record<string, string | null> {
  const scripts = asRecord(manifest["scripts"]);
  const free = (name: string, line: string): boolean => {
    const there = scripts[name];
    return there === undefined || there === line || (name === "test" && NO_TEST.test(String(there)));
  };
  return Object.fromEntries(
    Object.entries(wanted).map(([name, line]) => [
      name,
      [name, `waybill:${name}`].find((one) => free(one, line)) ?? null,
    ]),
  );
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});

/** Merges and sorts by name, as npm does. */
function sorted(there: unknown, more: readonly (readonly [string, string])[]): Record<string, unknown> {
  const all = [...Object.entries(asRecord(there)), ...more];
  return Object.fromEntries(more.length === 0 ? all : all.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Returns the indentation of a JSON text; two spaces if it has none. */
function indentOf(text: string | null): string {
  return /^\s*\{\r?\n([ \t]+)/.exec(text ?? "")?.[1] ?? "  ";
}
