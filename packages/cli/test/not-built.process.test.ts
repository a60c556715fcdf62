import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { freshPlace } from "./cli.ts";

const launcher = fileURLToPath(new URL("../bin/waybill.js", import.meta.url));

test("npm links the command in a workspace before it was built; then one line says what to run, after it the command runs", () => {
  const { folder } = freshPlace();
  const cli = join(folder, "packages/cli");
  mkdirSync(join(cli, "bin"), { recursive: true });
  copyFileSync(launcher, join(cli, "bin/waybill.js"));
  writeFileSync(join(folder, "package.json"), '{ "private": true, "workspaces": ["packages/*"] }');
  const manifest = { name: "cli", version: "1.0.0", type: "module", bin: { waybill: "./bin/waybill.js" } };
  writeFileSync(join(cli, "package.json"), JSON.stringify(manifest));
  execFileSync("npm", ["install", "--offline", "--silent"], { cwd: folder });
  const npx = (): ReturnType<typeof spawnSync> =>
    spawnSync("npx", ["--no-install", "--offline", "waybill"], { cwd: folder, encoding: "utf8" });
  expect(npx()).toMatchObject({ status: 1, stderr: "error: waybill is not built yet; run: npm run build\n" });
  mkdirSync(join(cli, "dist"));
  writeFileSync(join(cli, "dist/main.js"), 'console.log("it runs");');
  expect(npx()).toMatchObject({ status: 0, stdout: "it runs\n", stderr: "" });
});
