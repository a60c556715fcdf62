import { execFile, spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";

/** How the programs of one language are run. */
export interface Language {
  /** As the fence of a block says it. */
  readonly fence: string;
  readonly extension: string;
  /** The command that runs one file; null: the language, or the library that `place` needs, is not here. */
  commandFor(place: string, file: string): readonly string[] | null;
  /** What is not here then. */
  missingFor(place: string): string;
  readonly env?: Readonly<Record<string, string>>;
}

/** moto stands on boto3, so that scripts/install-moto.sh has brought it. */
const BOTO3 = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "waybill", "moto");

const tried = new Map<string, boolean>();

function works(...command: readonly [string, ...string[]]): boolean {
  const key = command.join(" ");
  const [program, ...args] = command;
  const known = tried.get(key) ?? spawnSync(program, args, { env: { ...process.env, PYTHONPATH: BOTO3 } }).status === 0;
  tried.set(key, known);
  return known;
}

function ruby(): Language {
  const gems: Record<string, string> = {
    postgres: "pg",
    sqlite: "sqlite3",
    redis: "redis",
    rabbitmq: "bunny",
    sqs: "aws-sdk-sqs",
  };
  return {
    fence: "ruby",
    extension: "rb",
    commandFor: (place, file) => (works("ruby", "-e", `require "${gems[place] ?? "json"}"`) ? ["ruby", file] : null),
    missingFor: (place) => `ruby with ${gems[place] ?? "its standard library"} is not on this machine`,
  };
}

function python(): Language {
  const modules: Record<string, string> = { postgres: "psycopg", redis: "redis", rabbitmq: "pika", sqs: "boto3" };
  const has = (program: string, name: string): boolean =>
    works(program, "-c", `import sys, importlib.util as u; sys.exit(u.find_spec("${name}") is None)`);
  return {
    fence: "python",
    extension: "py",
    commandFor(place, file) {
      // Debian's libraries belong to Debian's Python, which need not be the first one.
      const program = ["python3", "/usr/bin/python3"].find((one) => has(one, modules[place] ?? "json"));
      return program === undefined ? null : [program, file];
    },
    missingFor: (place) => `python3 with ${modules[place] ?? "its standard library"} is not on this machine`,
    env: { PYTHONPATH: BOTO3 },
  };
}

function php(): Language {
  const extensions: Record<string, string> = {
    postgres: "pgsql",
    sqlite: "pdo_sqlite",
    redis: "redis",
    rabbitmq: "amqp",
    sqs: "aws/aws-sdk-php",
    ingress: "curl",
  };
  return {
    fence: "php",
    extension: "php",
    commandFor: (place, file) =>
      works("php", "-r", `exit(extension_loaded("${extensions[place] ?? "json"}") ? 0 : 1);`) ? ["php", file] : null,
    missingFor: (place) => `php with ${extensions[place] ?? "its core"} is not on this machine`,
  };
}

function shell(): Language {
  const tools: Record<string, string> = { postgres: "psql", sqlite: "sqlite3", redis: "redis-cli", sqs: "curl" };
  const tool = (place: string): string => tools[place] ?? "curl";
  return {
    fence: "sh",
    extension: "sh",
    commandFor: (place, file) => (works(tool(place), "--version") ? ["sh", "-e", file] : null),
    missingFor: (place) => `${tool(place)} is not on this machine`,
  };
}

/** Languages whose programs run as they are. Go and Java compile, and bring their libraries from registries. */
export const scripted: Readonly<Record<string, Language>> = {
  Ruby: ruby(),
  Python: python(),
  PHP: php(),
  Shell: shell(),
};

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, 60 s at most. Never rejects. */
export function runProgram(
  [command = "", ...args]: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  timeout = 60_000,
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env: { ...process.env, ...env }, timeout }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ status, stdout, stderr: stderr || (error?.message ?? "") });
    });
  });
}
