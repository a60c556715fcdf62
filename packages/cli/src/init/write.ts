import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { toError } from "@waybill/core";
import { CommandError, UsageError } from "../exit.ts";
import type { NewFile } from "./files.ts";
import type { Project } from "./project.ts";

/** Throws `UsageError` if one of the files exists; the message names them. */
export function assertFree({ folder }: Project, files: readonly NewFile[]): void {
  const taken = files.filter(({ path }) => existsSync(join(folder, path))).map(({ path }) => path);
  if (taken.length === 0) return;
  const [verb, it] = taken.length === 1 ? ["is", "it"] : ["are", "them"];
  throw new UsageError(
    `${taken.join(", ")} ${verb} there already, and nothing was written; move ${it} away, or put the new files elsewhere with --dir`,
  );
}

/**
 * Writes all files and the package.json, or none. Each is written under a temporary name and then linked to its own, which
 * fails if a file of that name exists by then. On an error the written files are removed; the error names those that
 * could not be. A crash here leaves the files written so far.
 */
export function writeAll(project: Project, files: readonly NewFile[], manifest: string): void {
  const { folder, text } = project;
  let at = ".";
  const undo: { readonly path: string; readonly run: () => void }[] = [];
  try {
    if (makeFolder(folder)) undo.push({ path: folder, run: () => rmdirSync(folder) });
    for (const file of files) {
      at = file.path;
      for (const made of foldersFor(folder, file.path)) undo.push({ path: made, run: () => rmdirSync(made) });
      const path = join(folder, file.path);
      create(path, file.text);
      undo.push({ path, run: () => rmSync(path) });
    }
    at = "package.json";
    const path = join(folder, at);
    if (text === null) create(path, manifest);
    else replace(path, manifest, text);
  } catch (thrown) {
    const left = undo.toReversed().flatMap(({ path, run }) => (attempt(run) ? [] : [path]));
    const state =
      left.length === 0 ? "nothing was written" : `these were written and could not be removed: ${left.join(", ")}`;
    throw new CommandError("NOT_WRITTEN", `${at} cannot be written (${reasonOf(thrown)}); ${state}`, { cause: thrown });
  }
}

/** Returns the message of a file system error without temporary file names. */
const reasonOf = (thrown: unknown): string =>
  toError(thrown).message.replace(/, (?:open|mkdir|link|rename|write)\b.*$/s, "");

function makeFolder(path: string): boolean {
  if (existsSync(path)) return false;
  mkdirSync(path);
  return true;
}

/** Creates the missing folders above a file. Returns them, the outermost first. */
function foldersFor(folder: string, path: string): string[] {
  const steps = dirname(path)
    .split("/")
    .filter((step) => step !== ".");
  return steps.map((_, at) => join(folder, ...steps.slice(0, at + 1))).filter(makeFolder);
}

function create(path: string, text: string): void {
  const draft = draftOf(path);
  try {
    writeFileSync(draft, text, { flag: "wx" });
    linkSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Replaces a file. Throws if it has changed since it was read. */
function replace(path: string, text: string, before: string): void {
  const draft = draftOf(path);
  try {
    writeFileSync(draft, text, { flag: "wx" });
    if (readFileSync(path, "utf8") !== before)
      throw new Error("package.json has been changed meanwhile; run this again");
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

const draftOf = (path: string): string => `${path}.${process.pid}.draft`;

function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
