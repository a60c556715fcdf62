import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "../cli.ts";

const SYSTEMD = "/usr/lib/systemd/systemd";
/** Within the repository: a unit may have a /tmp of its own. */
const CACHE = fileURLToPath(new URL("../../../../node_modules/.cache", import.meta.url));

/** Units of Debian that every machine has. All others are left out: they would look for disks and users. */
const OWN_UNITS = "sysinit basic network network-online shutdown umount final poweroff multi-user"
  .split(" ")
  .map((name) => `${name}.target`);

/** Why no machine can be made here; null where one can. */
export function whyNoMachine(): string | null {
  if (process.getuid?.() !== 0) return "only root may make a machine of namespaces";
  if (!existsSync(SYSTEMD)) return "systemd is not on this machine";
  return cgroupsOf() === null ? "no cgroup2 is mounted on this machine" : null;
}

const cgroupsOf = (): string | null => / (\S+) cgroup2 /.exec(readFileSync("/proc/self/mounts", "utf8"))?.[1] ?? null;

/** Runs in new namespaces: hides this machine's units, cgroups and logs, and becomes systemd. $1: the folder of the machine. */
const BOOT = `
set -eu
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir /run/own
cp ${OWN_UNITS.map((unit) => `/usr/lib/systemd/system/${unit}`).join(" ")} /usr/lib/systemd/system/systemd-poweroff.service /run/own
mount --bind /run/own /usr/lib/systemd/system
mount -t tmpfs tmpfs /usr/lib/systemd/system-generators
mount --bind "$1/units" /etc/systemd/system
mount --bind "$1/log" /var/log
exec env -i container=waybill PATH="$PATH" ${SYSTEMD} --system --unit=test.target --show-status=false --log-target=console
`;

/** A machine with systemd as PID 1, in namespaces of its own. It shares the disk with this one, and nothing else. */
export class Machine {
  readonly folder: string;
  readonly #cgroup: string;
  readonly #child: ChildProcess;
  #output = "";

  private constructor(folder: string, cgroup: string) {
    this.folder = folder;
    this.#cgroup = cgroup;
    const entry = `echo $$ >"$2/cgroup.procs"; exec unshare --pid --mount --net --uts --ipc --cgroup --fork --kill-child --mount-proc sh -c "$3" sh "$1"`;
    this.#child = spawn("timeout", ["-s", "KILL", "120", "sh", "-c", entry, "sh", folder, cgroup, BOOT]);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on("data", (text) => (this.#output += String(text)));
  }

  /** Boots a machine whose /etc/systemd/system holds these files, and starts these units. `folder` is its own, on this disk. */
  static async boot(
    started: readonly string[],
    unitsOf: (folder: string) => Promise<Readonly<Record<string, string>>>,
  ): Promise<Machine> {
    mkdirSync(CACHE, { recursive: true });
    const folder = mkdtempSync(join(CACHE, "machine-"));
    const cgroup = join(cgroupsOf() ?? "", `waybill-${process.pid}-${folder.slice(-6)}`);
    for (const path of [join(folder, "units"), join(folder, "log"), cgroup]) mkdirSync(path);
    write(folder, { "test.target": `[Unit]\nWants=${started.join(" ")}\n`, ...(await unitsOf(folder)) });
    return new Machine(folder, cgroup);
  }

  /** Writes files under its /etc/systemd/system. */
  write(units: Readonly<Record<string, string>>): void {
    write(this.folder, units);
  }

  /** The process here that is PID 1 there; null until it is systemd, and when it has ended. */
  get pid(): number | null {
    const first = this.#first();
    return first !== null && nameOf(first) === "systemd" ? first : null;
  }

  /** The first process in the namespaces: the child of unshare, which is the child of timeout. */
  #first(): number | null {
    const [unshare = 0] = childrenOf(this.#child.pid ?? 0);
    return childrenOf(unshare)[0] ?? null;
  }

  /** What systemd has printed. */
  get output(): string {
    return this.#output;
  }

  /** Runs systemctl there. Returns its output. */
  systemctl(...args: readonly string[]): string {
    const inside = ["-t", String(this.pid), "--pid", "--mount", "--cgroup", "--", "systemctl", ...args];
    const { status, stdout, stderr } = spawnSync("nsenter", inside, { encoding: "utf8" });
    if (status !== 0) throw new Error(`systemctl ${args.join(" ")}: ${stderr}${this.#output}`);
    return stdout;
  }

  /** Powers it off, as a scale-in does, and waits until every unit has stopped. */
  async powerOff(): Promise<void> {
    // SIGRTMIN+4, by its number: Node has no name for it.
    process.kill(this.pid ?? 0, 38);
    // A namespace that is powered off ends by a signal.
    await until("the machine is off", () => this.#child.exitCode !== null || this.#child.signalCode !== null);
  }

  /** Ends what is left of it and removes its folder. */
  async remove(): Promise<void> {
    const first = this.#first();
    if (first !== null) process.kill(first, "SIGKILL");
    await until(
      "its cgroups are empty",
      () =>
        spawnSync("find", [this.#cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]).status === 0 &&
        !existsSync(this.#cgroup),
    );
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function write(folder: string, units: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(units)) {
    const path = join(folder, "units", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
