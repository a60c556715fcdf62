import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "../../../..");
const source = join(root, "apps/nest-11");
/** Where each version of Nest is installed. */
const NEST = { "11": join(source, "node_modules"), "12": join(root, "node_modules") };

/** The application of apps/nest-11, built to CommonJS and installed as users install it. */
export interface BuiltApp {
  readonly folder: string;
  start(env: Readonly<Record<string, string>>): RunningApp;
  remove(): void;
}

export interface RunningApp {
  readonly output: () => string;
  readonly errors: () => string;
  /** Resolves with the first match in its output, as soon as there is one. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** An exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/**
 * In a folder of its own: Node follows a link to where it leads, and from there our packages would find the Nest that they
 * themselves are tested with.
 */
export function buildApp(nest: keyof typeof NEST): BuiltApp {
  const folder = mkdtempSync(join(tmpdir(), `waybill-nest-${nest}-`));
  for (const name of ["package.json", "tsconfig.json", "src"]) {
    cpSync(join(source, name), join(folder, name), { recursive: true });
  }
  for (const name of ["core", "http", "nest", "sqlite"]) {
    if (!existsSync(join(root, "packages", name, "dist"))) throw new Error("the packages are not built: npm run build");
    for (const part of ["package.json", "dist"]) {
      const target = join(folder, "node_modules/@waybill", name, part);
      cpSync(join(root, "packages", name, part), target, { recursive: true });
    }
  }
  for (const name of ["common", "core", "platform-express", "platform-fastify"])
    link(join(NEST[nest], "@nestjs", name), `@nestjs/${name}`);
  for (const name of ["reflect-metadata", "rxjs", "jose", "croner", "@types"])
    link(join(root, "node_modules", name), name);
  const compiler = join(root, "node_modules/.bin/tsc");
  const { status, stdout } = spawnSync(compiler, ["-p", folder], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the application does not compile:\n${stdout}`);
  return {
    folder,
    start: (env) => running(spawn(process.execPath, ["dist/main.js"], { cwd: folder, env })),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };

  function link(target: string, name: string): void {
    const path = join(folder, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(target, path);
  }
}

function running(child: ChildProcess): RunningApp {
  let output = "";
  let errors = "";
  let check = (): void => {};
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    check();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
    check();
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once("close", (code, signal) => resolve(code ?? signal)),
  );
  return {
    output: () => output,
    errors: () => errors,
    kill: (signal) => void child.kill(signal),
    ended,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const before = check;
        const checkBoth = (): void => {
          before();
          const match = pattern.exec(output + errors);
          if (match) resolve(match);
        };
        check = checkBoth;
        void ended.then((how) => reject(new Error(`it ended by ${how} without ${pattern}:\n${output}\n${errors}`)));
        checkBoth();
      }),
  };
}
