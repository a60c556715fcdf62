/** Words about how the change was made, which say nothing to who installs the package. */
const INTERNAL =
  /\b(refactor\w*|clean-?up of|todo|wip|fixup|misc(ellaneous)?|bump(s|ed)? (the )?(version|dependenc\w+)|code review|unit tests?|test suite of ours|mutants?|CI|R\d{1,2}|issue \d+|session)\b|(packages|scripts|apps)\/[\w/-]+\.(ts|mjs)\b/;

const SHORTEST = 60;

interface Changeset {
  /** By package: "major", "minor" or "patch". */
  readonly releases: ReadonlyMap<string, string>;
  readonly summary: string;
}

export function parseChangeset(text: string): Changeset | null {
  const [, front, summary] = /^---\n([\s\S]*?)---\n([\s\S]*)$/.exec(text) ?? [];
  if (front === undefined || summary === undefined) return null;
  const lines = [...front.matchAll(/^["']?([^"'\n]+?)["']?: (\w+)$/gm)];
  return { releases: new Map(lines.map(([, name = "", kind = ""]) => [name, kind])), summary: summary.trim() };
}

/** What makes a changeset a bad entry of a changelog. */
export function faultsOfChangeset(file: string, text: string, packages: readonly string[]): string[] {
  const changeset = parseChangeset(text);
  if (changeset === null) return [`${file}: it does not begin with the packages between two lines of ---`];
  const { releases, summary } = changeset;
  const prose = summary.replaceAll(/```[\s\S]*?```|`[^`]*`/g, "x");
  const faults = [...releases.keys()]
    .filter((name) => !packages.includes(name))
    .map((name) => `${name} is not a published package`);
  if (releases.size === 0) faults.push("it names no package");
  for (const kind of releases.values())
    if (!["major", "minor", "patch"].includes(kind)) faults.push(`"${kind}" is not major, minor or patch`);
  if (summary.length < SHORTEST)
    faults.push(`it has ${summary.length} characters, ${SHORTEST} at least: say what a user can do now`);
  if (!/^[A-Z`"@]/.test(summary)) faults.push("it does not begin as a sentence does");
  if (!/[.:!`|)]$/.test(summary)) faults.push("its last sentence has no end");
  const internal = INTERNAL.exec(prose)?.[0];
  if (internal !== undefined) faults.push(`"${internal}" is about our work, not about the reader's`);
  return faults.map((fault) => `${file}: ${fault}`);
}
