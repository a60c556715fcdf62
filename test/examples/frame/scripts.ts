import { startProgram, run, type Ended } from "../../../scripts/packed/program.ts";

/** A script of an example's package.json. */
export interface Script {
  /** Default "start". */
  readonly script?: string;
  /** Beside what every shell has. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Running {
  /** All that it has printed so far, on both streams. */
  output(): string;
  /** Resolves once its output contains `text`; rejects with the output if it ends before. */
  said(text: string): Promise<void>;
  /** Sends SIGTERM to it and its children, and waits for its end. */
  stop(): Promise<Ended>;
  readonly ended: Promise<Ended>;
}

const LIMIT_MS = 280_000;
/** What is printed is read by a test. */
const plain = { NO_COLOR: "1", FORCE_COLOR: undefined };

export const runScript = (cwd: string, { script = "start", env = {} }: Script): Promise<string> =>
  run(["npm", "run", "--silent", script], { cwd, env: { ...plain, ...env }, limitMs: LIMIT_MS });

export const startScript = (cwd: string, { script = "start", env = {} }: Script): Running =>
  startCommand(cwd, ["npm", "run", "--silent", script], env);

/** Starts a program without npm, whose exit code is not that of the program when a signal ends it. */
export function startCommand(
  cwd: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const { end, ended, heard, output } = startProgram(command, {
    cwd,
    env: { ...plain, ...env },
    limitMs: LIMIT_MS,
  });
  return {
    output,
    ended,
    async said(text) {
      const early = await Promise.race([heard(text), ended]);
      if (early) throw new Error(`${command.join(" ")} ended with ${early.code}:\n${early.output}`);
    },
    async stop() {
      end("SIGTERM");
      return ended;
    },
  };
}
