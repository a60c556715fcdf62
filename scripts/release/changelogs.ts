/** What makes a package's CHANGELOG.md unfit to be read, for the version that is about to be released. */
export function faultsOfChangelog(name: string, version: string, text: string): string[] {
  const [title, , heading] = text.split("\n");
  const latest = text.split(/^## /m)[1] ?? "";
  const entries = latest.split(/^(?=- )/m).slice(1);
  const faults: string[] = [];
  if (title !== `# ${name}`) faults.push(`it does not begin with "# ${name}"`);
  if (heading !== `## ${version}`) faults.push(`its first version is not ${version}`);
  if (entries.length === 0) faults.push(`${version} has no entry; add a changeset that names the package`);
  if (/^- [0-9a-f]{7,40}:/m.test(latest)) faults.push("an entry begins with the hash of a commit");
  if (/Updated dependencies/.test(latest)) faults.push("it lists updated dependencies");
  if (/^### [^\n]*\n+(?=###|$(?![\s\S]))/m.test(latest)) faults.push("it has a heading without an entry");
  const twice = entries.filter((entry, at) => entries.findIndex((one) => one.trim() === entry.trim()) !== at);
  faults.push(...twice.map((entry) => `an entry is there twice: ${entry.trim().slice(0, 60)}`));
  return faults.map((fault) => `${name}/CHANGELOG.md: ${fault}`);
}
