import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copyTo } from "../scripts/release/copy.ts";
import { prepare } from "../scripts/release/prepare.ts";
import { publishedIn, setRepositories } from "../scripts/release/versions.ts";
import { read, root } from "./workspace.ts";

let copy = "";
beforeAll(() => {
  copy = join(mkdtempSync(join(tmpdir(), "waybill-candidate-")), "copy");
  mkdirSync(copy);
  copyTo(copy, root);
}, 300_000);
afterAll(() => rmSync(join(copy, ".."), { recursive: true }));

const text = (path: string): string => readFileSync(join(copy, path), "utf8");

test("the first candidate is 1.0.0-rc.1 of every package, and the next is rc.2", () => {
  const before = read("packages/core/package.json");
  const isFirst = before.includes('"version": "0.0.0"');
  const first = prepare(copy);
  if (isFirst) expect(first).toBe("1.0.0-rc.1");
  const asked = globSync("{packages,apps}/*/package.json", { cwd: copy }).flatMap((file) =>
    [...text(file).matchAll(/"(@waybill\/(?!test-servers|demo|bench|faults)[a-z-]+)": "([^"]+)"/g)].map(
      ([, name, version]) => `${file}: ${name} ${version}`,
    ),
  );
  expect(asked.filter((line) => !line.endsWith(` ${first}`))).toEqual([]);
  expect(asked.length).toBeGreaterThan(40);
  expect(existsSync(join(copy, ".changeset/pre.json"))).toBe(true);
  expect(read("packages/core/package.json")).toBe(before);

  writeFileSync(
    join(copy, ".changeset/next.md"),
    '---\n"@waybill/core": patch\n---\n\nA fix of the first candidate.\n',
  );
  const second = prepare(copy);
  const number = (version: string): number => Number(/-rc\.(\d+)$/.exec(version)?.[1]);
  expect(number(second)).toBe(number(first) + 1);
  expect(text("packages/core/CHANGELOG.md")).toMatch(
    new RegExp(`^# @waybill/core\n\n## ${second}\n\n[^]*A fix of the first candidate\\.[^]*## ${first}\n`),
  );
});

test("each package gets the address of the repository, with its folder", () => {
  const top = JSON.parse(text("package.json")) as object;
  const repository = { type: "git", url: "git+https://code.example/waybill.git" };
  writeFileSync(join(copy, "package.json"), JSON.stringify({ ...top, repository, bugs: "https://code.example/bugs" }));
  setRepositories(copy);
  for (const { path, manifest } of publishedIn(copy)) {
    expect(manifest.repository).toEqual({ ...repository, directory: path });
    expect(manifest.bugs).toBe("https://code.example/bugs");
  }
});
