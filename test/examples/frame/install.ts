import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../../../scripts/packed/program.ts";
import { pack } from "../../../scripts/packed/tarballs.ts";
import { published, root, type Manifest } from "../../workspace.ts";
import { cached, linkFolder, nameOf, nameOfFiles, sweep, temporary } from "./cache.ts";
import { runScript, startCommand, startScript, type Running, type Script } from "./scripts.ts";

/** Some of the folders of `examples/`, copied and installed side by side. */
export interface Examples {
  /** The copy of one example. */
  folderOf(example: string): string;
  /** Runs a script of the example's package.json to its end. Returns what it printed; rejects if it fails. */
  run(example: string, script: Script): Promise<string>;
  /** Starts a script that ends when it is told to, such as a server. */
  start(example: string, script: Script): Running;
  /** Starts a program in the folder of an example. */
  command(example: string, command: readonly string[], env?: Readonly<Record<string, string>>): Running;
  /** Stops what still runs, and removes the copies. */
  remove(): Promise<void>;
}

/**
 * Copies these examples into a temporary folder, and installs there what their package.json say, our packages as they are packed.
 * They are the workspaces of one project, so that what several need is installed once. What is installed is kept for
 * the next run by its content: only the first run, and the first after a change of a package, takes long. `more`: packages that
 * only the test needs, with their versions.
 */
export async function installExamples(
  names: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Examples> {
  sweep();
  const installed = await install(names, more);
  const folder = temporary("run-");
  linkFolder(installed, folder);
  for (const name of names) {
    cpSync(join(root, "examples", name), join(folder, name), { recursive: true, filter: isSource });
  }
  const running = new Set<Running>();
  const watched = (started: Running): Running => {
    running.add(started);
    return started;
  };
  const folderOf = (name: string): string => {
    if (!names.includes(name)) throw new Error(`${name} is not installed; add it to installExamples`);
    return join(folder, name);
  };
  return {
    folderOf,
    run: (name, script) => runScript(folderOf(name), script),
    start: (name, script) => watched(startScript(folderOf(name), script)),
    command: (name, command, env) => watched(startCommand(folderOf(name), command, env)),
    async remove() {
      await Promise.all([...running].map((one) => one.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const isSource = (path: string): boolean => !/[\\/](node_modules|dist)$/.test(path);

/** An example, and the packages of an example that is a monorepo. */
const manifestsOf = (name: string): string[] =>
  globSync(`${name}/**/package.json`, { cwd: join(root, "examples"), exclude: ["**/node_modules", "**/dist"] });

async function install(names: readonly string[], more: Readonly<Record<string, string>>): Promise<string> {
  const tarballs = await packed();
  const manifests = names.flatMap(manifestsOf).toSorted();
  const texts = manifests.map((path) => readFileSync(join(root, "examples", path), "utf8"));
  assertOneVersion(texts.map((text) => JSON.parse(text) as Manifest));
  const ours = published.map(({ manifest }) => manifest);
  const fileOf = ({ name, version }: Manifest): string =>
    join(tarballs, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`);
  const project = {
    private: true,
    workspaces: manifests.map((path) => dirname(path)),
    dependencies: more,
    // No registry has them yet.
    overrides: Object.fromEntries(ours.map((manifest) => [manifest.name, `file:${fileOf(manifest)}`])),
  };
  const fill = async (folder: string): Promise<void> => {
    writeFileSync(join(folder, "package.json"), JSON.stringify(project, null, 2));
    for (const [index, path] of manifests.entries()) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), texts[index] ?? "");
    }
    const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
    await run(["npm", "install", ...flags], { cwd: folder, limitMs: 600_000 });
  };
  return cached(`installed-${nameOf(names)}`, nameOf([JSON.stringify(project), ...texts]), fill);
}

/** Our packages are installed once for all of them, and find one version of what they have in common, such as Nest. */
function assertOneVersion(manifests: readonly Manifest[]): void {
  const versions = new Map<string, string>();
  for (const { name: example, dependencies = {} } of manifests) {
    for (const [name, version] of Object.entries(dependencies)) {
      const other = versions.get(name) ?? version;
      if (other === version) versions.set(name, version);
      else throw new Error(`${example} has ${name} ${version}, another ${other}: install it by a call of its own`);
    }
  }
}

/** Packs every published package as it is built. Returns the folder with the tarballs. */
async function packed(): Promise<string> {
  const patterns = published.map(({ path }) => `${path}/{dist,src}/**/*`);
  const files = globSync([...patterns, ...published.map(({ path }) => `${path}/*.{json,md}`)], {
    cwd: root,
    withFileTypes: true,
  });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  for (const { path, manifest } of published) {
    if (manifest.exports && !existsSync(join(root, path, "dist")))
      throw new Error(`${path} is not built; run: npm run build`);
  }
  const folder = await cached("packed", nameOfFiles(paths.toSorted()), async (made) => {
    await pack(join(made, "tarballs"));
  });
  return join(folder, "tarballs");
}
