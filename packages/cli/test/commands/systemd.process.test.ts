import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseCommandLine } from "../../src/systemd/command-line.ts";
import { freshPlace, waybill } from "../cli.ts";

test("R36: systemd itself finds no fault in a written unit", async ({ skip }) => {
  skip(spawnSync("systemd-analyze", ["--version"]).status !== 0, "systemd-analyze is not on this machine");
  const { folder } = freshPlace();
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "waybill"), "#!/bin/sh\n", { mode: 0o755 });
  const exec = ["--exec", `bin/waybill worker --jobs 'a "b" 50% $HOME;' --drain 1m`];
  const { code, stdout } = await waybill([
    "systemd",
    "--name",
    "mailer",
    "--user",
    "root",
    "--directory",
    folder,
    ...exec,
    "--out",
    folder,
  ]);
  expect(stdout).toBe(
    `wrote  ${folder}/mailer.service\nNext: systemctl daemon-reload && systemctl enable --now mailer\n`,
  );
  expect(code).toBe(0);
  expect(readFileSync(join(folder, "mailer.service"), "utf8")).toContain("TimeoutStopSec=72\n");
  const verified = spawnSync("systemd-analyze", ["verify", "--man=no", join(folder, "mailer.service")], {
    encoding: "utf8",
  });
  // Names the units of the machine too, if they are at fault.
  expect(verified.stderr.split("\n").filter((line) => line.includes("mailer"))).toEqual([]);
});

test("a file that is there is kept, and the same file is no error", async () => {
  const { folder } = freshPlace();
  const dropIn = ["systemd", "--drop-in", "web.service", "--out", folder];
  const path = join(folder, "web.service.d", "50-waybill.conf");
  expect((await waybill(dropIn)).stdout).toContain(`wrote  ${path}`);
  expect((await waybill(dropIn)).stdout).toContain(`unchanged  ${path}`);
  const { code, stderr } = await waybill([...dropIn, "--drain", "2m"]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("is there and differs") as unknown });
  expect(readFileSync(path, "utf8")).toContain("TimeoutStopSec=32\n");
});

test("a folder that cannot be made is an error that names the file, at once", async () => {
  for (const out of ["/proc/waybill", join(freshPlace().folder, "not", "there", "at", "all")]) {
    const { code, stderr } = await waybill(["systemd", "--drop-in", "web.service", "--out", out]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`${out}/web.service.d`) as unknown });
  }
});

test("docs/shutdown.md shows what the command prints", async () => {
  const page = readFileSync(new URL("../../../../docs/shutdown.md", import.meta.url), "utf8");
  const shown = [...page.matchAll(/```sh\nwaybill (.*?)\n```\n\n```text\n(.*?)```/gs)];
  expect(shown).toHaveLength(2);
  for (const [, args = "", text] of shown) {
    const words = parseCommandLine(args.replaceAll("\\\n", " "));
    expect((await waybill(words)).stdout).toBe(text);
  }
});
