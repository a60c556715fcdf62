import { globSync, statSync } from "node:fs";
import { posix } from "node:path";
import { pages } from "./navigation.ts";

/** The root of the repository. */
export const root: string = posix.resolve(import.meta.dirname, "../..");

/** Files that a link names by something else than their own path. */
const aliases: Readonly<Record<string, string>> = { "README.md": "docs/home.md" };

/** The address of the page that a file or a folder is, with its `README.md`; null for what is no page. */
function pageAddress(path: string): string | null {
  const own = aliases[path] ?? path;
  const readme = posix.join(path, "README.md");
  return pages.find(({ file }) => file === own || file === readme)?.address ?? null;
}

/** Sources that a page links to, and every file of a folder that one links to. The site has a copy of each as text. */
export class LinkedSources {
  readonly #files = new Set<string>();
  readonly #folders = new Map<string, readonly string[]>();

  /** Adds a file or a folder. Returns the address of its copy, or of the list of its files. */
  add(path: string): string {
    if (statSync(posix.join(root, path)).isFile()) return this.#addFile(path);
    const inside = globSync(`${path}/**/*`, {
      cwd: root,
      exclude: (name) => name === "node_modules" || name === "dist",
    })
      .filter((file) => statSync(posix.join(root, file)).isFile())
      .toSorted();
    this.#folders.set(path, inside);
    for (const file of inside) this.#addFile(file);
    return `/source/${path}/index.html`;
  }

  #addFile(path: string): string {
    this.#files.add(path);
    return copyAddress(path);
  }

  get files(): readonly string[] {
    return [...this.#files].toSorted();
  }

  get folders(): ReadonlyMap<string, readonly string[]> {
    return this.#folders;
  }
}

/** Where the site has a copy of a source. Every server serves `.txt` as text; `.ts` would be a video. */
export function copyAddress(path: string): string {
  return `/source/${path}${/\.(png|jpg|webp|txt)$/.test(path) ? "" : ".txt"}`;
}

/**
 * Returns where a link of a page leads on the site: a page by its address, anything else of the repository by its copy.
 * Returns links to other places, and those within the page, as they are. Throws where a link leads to nothing.
 */
export function siteLink(from: string, target: string, sources: LinkedSources): string {
  if (/^([a-z][a-z+.-]*:|#|\/)/i.test(target)) return target;
  const [path = "", anchor] = target.split("#");
  const file = posix.join(posix.dirname(from), decodeURI(path)).replace(/\/$/, "");
  const hash = anchor === undefined ? "" : `#${anchor}`;
  return `${pageAddress(file) ?? sources.add(file)}${hash}`;
}

/** The anchor of a heading, by the rule of the places where the repository's pages are read as files. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
    .replaceAll(" ", "-");
}
