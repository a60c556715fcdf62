import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { publishedIn } from "./versions.ts";

/** What a release is made of; the rest of the repository is not in any package. */
const PARTS = [
  "package.json",
  "package-lock.json",
  ".changeset",
  "packages",
  "apps/*/package.json",
  "examples/*/package.json",
];

function git(cwd: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("git", args, { cwd, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`git ${args[0]} failed: ${stderr}`);
  return stdout;
}

/** Copies the packages as they are, built and with changes that are not committed, into `folder`, a repository of its own. */
export function copyTo(folder: string, root: string): void {
  const listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...PARTS).split("\0");
  for (const file of listed.filter((one) => one !== "" && !/\/test\//.test(one) && existsSync(join(root, one)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  git(folder, "init", "-q", "-b", "main");
  git(folder, "add", ".changeset", "package.json");
  const author = ["-c", "user.name=release", "-c", "user.email=release@localhost", "-c", "commit.gpgsign=false"];
  git(folder, ...author, "commit", "-q", "--no-verify", "-m", "A copy, to prepare a release in");
  for (const { path } of publishedIn(folder)) {
    const built = join(root, path, "dist");
    if (existsSync(built)) cpSync(built, join(folder, path, "dist"), { recursive: true });
  }
}
