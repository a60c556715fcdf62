import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual, promisify } from "node:util";
import { blocksOf, writeBlocks } from "../languages/blocks.ts";
import { runProgram } from "../languages/programs.ts";
import { type ReceiverProgram, refusesEmptySecret, startReceiver } from "../languages/receivers.ts";
import { expected, observe } from "../languages/receiving.ts";
import { rowsOf, trapsSeen } from "../languages/traps/index.ts";
import { openStore, type PlaceName, type Store } from "../languages/stores.ts";

/** A language whose programs are compiled, with libraries from its registry. */
export interface Compiled {
  readonly name: string;
  /** Programs that must be on the machine. */
  readonly tools: readonly string[];
  /** Brings the libraries and compiles the pages' programs in `folder`, where they have been written. */
  build(folder: string): Promise<void>;
  /** Runs the program that stores a job there. */
  program(place: PlaceName): readonly string[];
  readonly receiver: Omit<ReceiverProgram, "missing">;
  /** Runs the program of scripts/languages/traps. */
  readonly traps: (folder: string) => readonly string[];
}

const exec = promisify(execFile);

/** A registry that hangs or resets is tried three times. */
async function tried(command: readonly [string, ...string[]], cwd: string): Promise<void> {
  const [program, ...args] = command;
  for (let left = 3; ; left -= 1) {
    try {
      // SQLite in C compiles in a fifth of the time when it need not be fast.
      const env = { ...process.env, CGO_CFLAGS: "-O0" };
      await exec(program, args, { cwd, env, timeout: 240_000, maxBuffer: 2 ** 26 });
      return;
    } catch (thrown) {
      if (left === 1) throw thrown;
      await sleep(5_000);
    }
  }
}

const go: Compiled = {
  name: "Go",
  tools: ["go"],
  async build(folder) {
    await tried(["sh", "-e", "install.sh"], folder);
    mkdirSync(join(folder, "bin"));
    await tried(["go", "build", "-o", "bin/", "./..."], folder);
    await tried(["go", "build", "-o", "bin/receiver", "receiver.go"], folder);
  },
  program: (place) => [`./bin/${place}`],
  receiver: { fence: "go", file: "receiver.go", command: () => ["./bin/receiver"] },
  traps: (folder) => ["go", "run", join(folder, "traps.go")],
};

const classes: Readonly<Record<PlaceName, string>> = {
  postgres: "Postgres",
  sqlite: "Sqlite",
  redis: "PushToRedis",
  rabbitmq: "Rabbitmq",
  sqs: "Sqs",
  ingress: "Ingress",
};

const java: Compiled = {
  name: "Java",
  tools: ["java", "javac", "mvn"],
  async build(folder) {
    await tried(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs"], folder);
    await tried(["sh", "-c", 'javac -cp "libs/*" *.java'], folder);
  },
  program: (place) => ["java", "-cp", "libs/*:.", classes[place]],
  receiver: { fence: "java", file: "Receiver.java", command: () => ["java", "-cp", "libs/*", "Receiver.java"] },
  traps: (folder) => ["java", "-cp", "libs/*", join(folder, "Traps.java")],
};

export const compiled: readonly Compiled[] = [go, java];

/** What of a language is not on this machine; null: nothing. */
export function missingOf({ tools }: Compiled): string | null {
  const missing = tools.filter((tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0);
  return missing.length === 0 ? null : `${missing.join(" and ")} is not on this machine`;
}

/** The pages' programs in this language, compiled. Returns their folder. */
export async function builds(language: Compiled, folder: string): Promise<string> {
  const own = mkdtempSync(join(folder, `${language.name.toLowerCase()}-`));
  for (const page of ["docs/produce.md", "docs/receive.md"]) {
    const fences = [language.receiver.fence, ...(page === "docs/produce.md" ? ["xml", "sh"] : [])];
    writeBlocks(blocksOf(page), fences, own);
  }
  await language.build(own);
  return own;
}

/** A worker runs what the program stores, and where no job can be stored the program fails. */
export async function produces(language: Compiled, folder: string, place: PlaceName): Promise<void> {
  const store: Store = await openStore(place, folder);
  try {
    const command = language.program(place);
    const { status, stdout, stderr } = await runProgram(command, folder, store.env);
    if (status !== 0) throw new Error(stderr);
    const ran = await store.ran(stdout.trim());
    if (!isDeepStrictEqual(ran, { payload: { orderId: "o_1" }, attempt: 1 })) throw new Error(JSON.stringify(ran));
    // Its programs would have to run in another folder.
    if (place === "sqlite") return;
    const refused = await runProgram(command, folder, { ...store.env, ...store.refusing });
    if (refused.status === 0 || refused.stdout !== "") throw new Error(`it says that it has stored ${refused.stdout}`);
  } finally {
    await store.close();
  }
}

/** Our sender pushes to the receiver: outcomes are kept, forgeries refused. */
export async function receives({ receiver }: Compiled, folder: string): Promise<void> {
  const program = { ...receiver, missing: () => null };
  if (!(await refusesEmptySecret(program, folder))) throw new Error("it runs what is signed by a secret without bytes");
  const running = await startReceiver(program, folder);
  try {
    const observed = await observe(running.origin, running.keys, folder);
    if (!isDeepStrictEqual(observed, expected)) throw new Error(JSON.stringify(observed, null, 2));
  } finally {
    await running.stop();
  }
}

/** Each trap is as spec/traps.md says, and the page has no other of this language. */
export async function isTrapped({ name, traps }: Compiled, folder: string): Promise<void> {
  const command = traps(join(import.meta.dirname, "../languages/traps"));
  const { status, stdout, stderr } = await runProgram(command, folder, {}, 240_000);
  if (status !== 0) throw new Error(stderr);
  const seen = trapsSeen(stdout);
  if (!isDeepStrictEqual(seen, rowsOf(name)))
    throw new Error(`${JSON.stringify(seen)}, not ${JSON.stringify(rowsOf(name))}`);
}
