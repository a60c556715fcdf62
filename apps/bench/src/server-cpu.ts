import { readdirSync, readFileSync } from "node:fs";

/** The kernel counts in hundredths of a second. */
const TICKS = 100;

/** CPU seconds that a process and its children have used, also those that have ended. Null where there is no /proc. */
export function serverCpu(root: number): number | null {
  let ticks = 0;
  try {
    const parents = new Map<number, number>();
    const used = new Map<number, number>();
    for (const entry of readdirSync("/proc")) {
      const stat = /^\d+$/.test(entry) ? statOf(entry) : null;
      if (stat === null) continue;
      const [parent = 0, own = 0, ofChildren = 0] = stat;
      parents.set(Number(entry), parent);
      used.set(Number(entry), Number(entry) === root ? own + ofChildren : own);
    }
    for (const [pid, own] of used) if (pid === root || parents.get(pid) === root) ticks += own;
  } catch {
    return null;
  }
  return ticks / TICKS;
}

/** Its parent, and its ticks and those of its children that have ended. Null for one that has gone. The name before may hold spaces. */
function statOf(pid: string): [parent: number, own: number, ofChildren: number] | null {
  try {
    const [, parent, ...rest] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
      .map(Number);
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = rest.slice(9);
    return [parent ?? 0, user + system, childUser + childSystem];
  } catch {
    return null;
  }
}
