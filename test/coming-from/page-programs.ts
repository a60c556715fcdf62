import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blocksOf } from "../code-blocks/blocks.ts";
import { root } from "../workspace.ts";

/** A program that was started, and what it has written so far. */
export interface Running {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves with the exit code; null when it was killed. */
  readonly ended: Promise<number | null>;
}

/** The programs of one page as printed, but for the addresses of servers, in a folder of their own. */
export interface PagePrograms {
  start(file: string): Running;
  /** Resolves with the output of a program that ends with code 0. */
  run(file: string): Promise<string>;
  remove(): void;
}

/** Saves every block of the page that has a file name. `changes`: texts of the page, each with what stands there instead. */
export function programsOf(page: string, changes: Readonly<Record<string, string>>): PagePrograms {
  const folder = mkdtempSync(join(tmpdir(), "waybill-coming-from-"));
  const running = new Set<ChildProcess>();
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const { file, code } of blocksOf(page)) {
    const text = Object.entries(changes).reduce((all, [from, to]) => all.replaceAll(from, to), code);
    if (file !== null) writeFileSync(join(folder, file), text);
  }

  function start(file: string): Running {
    const args = ["--conditions=waybill-source", "--no-warnings", file];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let written = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (written += text));
    const ended = once(child, "close").then(([code]) => {
      running.delete(child);
      return code as number | null;
    });
    return { child, output: () => written, ended };
  }

  return {
    start,
    async run(file) {
      const program = start(file);
      const code = await program.ended;
      if (code !== 0) throw new Error(`${file} of ${page} ended with ${code}:\n${program.output()}`);
      return program.output();
    },
    remove() {
      for (const child of running) child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
