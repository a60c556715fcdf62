import { readdirSync, readFileSync } from "node:fs";

const STOPPED_WITHIN_MS = 10_000;

/** A process and everything below it, parents first. PostgreSQL's children leave the process group: only /proc knows. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    const parent = Number.isInteger(pid) ? parentOf(pid) : null;
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Freezes the whole tree and returns when no thread of it runs any more, which takes a while on a busy machine. */
export function stopTree(root: number): void {
  const until = performance.now() + STOPPED_WITHIN_MS;
  do {
    if (performance.now() > until) throw new Error(`process ${root} runs on after SIGSTOP`);
    // Each time anew: a process may have been forked meanwhile.
    signalTree(root, "SIGSTOP");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  } while (processTree(root).some(isRunning));
}

function isRunning(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((thread) => !/^[TtZX]/.test(stateOf(`${pid}/task/${thread}`)));
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** State and all that follows it; the name in parentheses before it may hold spaces. */
const stateOf = (path: string): string => readFileSync(`/proc/${path}/stat`, "utf8").replace(/^.*\) /s, "");

function parentOf(pid: number): number | null {
  try {
    return Number(stateOf(`${pid}`).split(" ")[1]);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** Signals the whole tree; a process that ended meanwhile is no error. */
export function signalTree(root: number, signal: NodeJS.Signals): void {
  for (const pid of processTree(root)) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOENT", "ESRCH"].includes(String(error.code));
}
