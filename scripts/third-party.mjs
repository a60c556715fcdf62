// The licences of the packages of others whose code a build puts into ours.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Licences that allow the code to be shipped in an MIT package if their text goes with it. */
const ALLOWED = new Set(["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD"]);

/**
 * The folders of the packages of others among the modules of a bundle.
 * @param {readonly string[]} modules paths, as bundlers name them
 * @returns {string[]}
 */
export function packagesOf(modules) {
  const folders = modules.flatMap(
    (id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.split("?")[0] ?? "")?.[1] ?? [],
  );
  return [...new Set(folders)].toSorted();
}

/**
 * The page that names them, each with the text of its licence. Throws for a package without one, and for a licence that does
 * not allow it.
 * @param {readonly string[]} folders
 */
export function thirdPartyPage(folders) {
  const parts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((one) => /^licen[cs]e(\.(md|txt))?$/i.test(one));
    if (!ALLOWED.has(license)) throw new Error(`${name} is bundled, and its licence is ${license ?? "not named"}`);
    if (file === undefined) throw new Error(`${name} is bundled, and has no file with its licence`);
    return `## ${name} ${version}\n\n${license}\n\n\`\`\`text\n${readFileSync(join(folder, file), "utf8").trim()}\n\`\`\`\n`;
  });
  return `# Third-party code\n\nThis package contains code of these packages.\n\n${parts.join("\n")}`;
}

/** The packages that a page of `thirdPartyPage` names, each as "name version". @param {string} page */
export const namedIn = (page) => [...page.matchAll(/^## (\S+ \S+)$/gm)].map(([, name = ""]) => name);
