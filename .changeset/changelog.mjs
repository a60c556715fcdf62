// How a changeset becomes an entry of a package's CHANGELOG.md: its own words, without hashes, which lead nowhere from npm.

/** @param {{ summary: string }} changeset */
function getReleaseLine({ summary }) {
  const [first, ...rest] = summary.trim().split("\n");
  return [`- ${first}`, ...rest.map((line) => (line.trim() === "" ? "" : `  ${line.trimEnd()}`))].join("\n");
}

/** The packages have one version, so each entry would say the same of each other package. */
function getDependencyReleaseLine() {
  return "";
}

export default { getReleaseLine, getDependencyReleaseLine };
