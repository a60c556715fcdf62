import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root, top } from "./workspace.ts";

const script = join(root, "scripts/install-debian-packages.sh");
let path = "";
beforeEach(() => (path = mkdtempSync(join(tmpdir(), "waybill-needs-"))));
afterEach(() => rmSync(path, { recursive: true, force: true }));

function program(name: string, text: string): void {
  writeFileSync(join(path, name), `#!/bin/bash\n${text}\n`);
  chmodSync(join(path, name), 0o755);
}

/** On a machine whose PATH has nothing but what the test puts there. */
function run(user: number): { status: number | null; stdout: string; stderr: string } {
  program("id", `echo ${user}`);
  for (const tool of ["chmod", "rm"]) program(tool, `exec /bin/${tool} "$@"`);
  program("sleep", "");
  return spawnSync("/bin/bash", [script], { cwd: root, encoding: "utf8", env: { PATH: path } });
}

test("as root on Debian, what is missing is installed, and a line says so", () => {
  program("timeout", 'shift; exec "$@"');
  program("apt-get", `echo "$@" >>"${path}/calls"`);
  const { status, stdout } = run(0);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^installing from Debian's packages: .*\bchromium\b.*\n$/);
  expect(readFileSync(join(path, "calls"), "utf8")).toMatch(/update\n.*install.*\bsqlite3\b/s);
});

test("only the download has a time limit: an installation that is ended half-way would refuse every later one", () => {
  program("timeout", `echo "$@" >>"${path}/limited"; shift; exec "$@"`);
  program("apt-get", `echo "$@" >>"${path}/calls"`);
  expect(run(0).status).toBe(0);
  expect(readFileSync(join(path, "limited"), "utf8")).toMatch(
    /^240 apt-get .*update\n240 apt-get .*--download-only\n$/,
  );
  expect(readFileSync(join(path, "calls"), "utf8")).toMatch(/ install (?!.*--download-only).*\n$/);
});

test("a mirror that fails three times fails the command, before any test runs", () => {
  program("timeout", 'shift; exec "$@"');
  program("apt-get", "exit 100");
  const { status, stderr } = run(0);
  expect(status).toBe(1);
  expect(stderr).toContain("try 3 to download them did not succeed");
});

test("elsewhere, all that is missing is named before the first test, and whoever brought servers of their own goes on", () => {
  const { status, stderr } = run(1_000);
  expect(status).toBe(0);
  expect(stderr).toMatch(/^missing here, and only installed as root on Debian: .*\bchromium\b/);
});

test.each(["test", "bench", "services"])("`npm run %s` begins with it", (name) => {
  expect(top.manifest.scripts?.[name]).toMatch(/^npm run needs && /);
  expect(top.manifest.scripts?.["needs"]).toBe(
    "bash scripts/install-debian-packages.sh && bash scripts/install-moto.sh",
  );
});
