import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { packIn, type Tarball } from "../scripts/packed/tarballs.ts";
import budgets from "../scripts/release/budgets.json" with { type: "json" };
import { faultsOfChangelog } from "../scripts/release/changelogs.ts";
import { faultsOfChangeset } from "../scripts/release/changesets.ts";
import { faultsOfContents } from "../scripts/release/contents.ts";
import { faultsOfManifest } from "../scripts/release/manifests.ts";
import { publishedIn, readManifest, type ReleaseManifest } from "../scripts/release/versions.ts";
import { namedIn, packagesOf, thirdPartyPage } from "../scripts/third-party.mjs";
import { root } from "./workspace.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-release-check-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(files: Readonly<Record<string, string | object>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), typeof content === "string" ? content : JSON.stringify(content));
  }
}

const sound = {
  "package/package.json": { name: "planted", version: "1.0.0", license: "MIT", files: ["dist", "src", "CHANGELOG.md"] },
  "package/README.md": "# planted\n",
  "package/LICENSE": "MIT",
  "package/CHANGELOG.md": "# planted\n",
  "package/src/index.ts": "export const one = 1;\n",
  "package/dist/index.js": "export const one = 1;\n//# sourceMappingURL=index.js.map\n",
  "package/dist/index.js.map": { version: 3, sources: ["../src/index.ts"], mappings: "" },
};

/** What the check says of the package after npm has packed it. */
async function packed(
  more: Readonly<Record<string, string | object>>,
  budget?: number,
  without = "",
): Promise<{ faults: string[]; tarball: Tarball }> {
  put({ ...sound, ...more });
  if (without !== "") rmSync(join(folder, without));
  const [tarball] = await packIn(folder, join(folder, "tarballs"), [{ path: "package" }]);
  if (tarball === undefined) throw new Error("npm packed nothing");
  const own = join(folder, "package");
  return { faults: faultsOfContents(tarball, own, budget === undefined ? undefined : { packed: budget }), tarball };
}

describe("what npm would get", () => {
  test("is sound without a planted fault", async () => {
    expect((await packed({}, 10_000)).faults).toEqual([]);
  });

  test("has a test file", async () => {
    const { faults } = await packed({ "package/src/index.test.ts": "" }, 10_000);
    expect(faults).toEqual(["planted: src/index.test.ts is a test"]);
  });

  test("has no licence", async () => {
    expect((await packed({}, 10_000, "package/LICENSE")).faults).toEqual(["planted: LICENSE is missing"]);
  });

  test("is larger than its budget, or has none", async () => {
    const { faults, tarball } = await packed({}, 100);
    expect(faults).toEqual([expect.stringContaining(`${tarball.size} bytes packed, 100 at most`)]);
    expect(faultsOfContents(tarball, join(folder, "package"), undefined)).toEqual([
      expect.stringContaining("no budget"),
    ]);
  });

  test("has a map of a source that is left out, and a file whose map is left out", async () => {
    const { faults } = await packed(
      {
        "package/package.json": { ...sound["package/package.json"], files: ["dist", "CHANGELOG.md"] },
        "package/dist/other.js": "//# sourceMappingURL=other.js.map\n",
      },
      10_000,
    );
    expect(faults).toEqual([
      "planted: dist/index.js.map is a map of src/index.ts, which is not in the package",
      "planted: dist/other.js names the map dist/other.js.map, which is not in the package",
    ]);
  });
});

describe("a changeset", () => {
  const changeset = (summary: string, front = '"@waybill/core": minor\n'): string[] =>
    faultsOfChangeset("x.md", `---\n${front}---\n\n${summary}\n`, ["@waybill/core"]);
  const good = "`jobs.find(id)` returns a job by its id, where it waits or runs, and null for one that never was.";

  test("is sound if it says what a user can do now", () => {
    expect(changeset(good)).toEqual([]);
  });

  test.each([
    ["of one word", changeset("Fixes."), /6 characters, 60 at least/],
    ["that names no package", changeset(good, ""), /names no package/],
    ["of a package that is not published", changeset(good, '"@waybill/bench": minor\n'), /not a published package/],
    ["of another kind", changeset(good, '"@waybill/core": none\n'), /not major, minor or patch/],
    ["about our work", changeset(`${good} The unit tests were refactored too.`), /about our work/],
    ["without an end", changeset(`${good} And then,`), /has no end/],
    ["without its front", faultsOfChangeset("x.md", good, []), /does not begin with the packages/],
  ])("%s is caught", (_, faults, says) => {
    expect(faults).toEqual([expect.stringMatching(says)]);
  });
});

describe("a package.json", () => {
  const manifest: ReleaseManifest = {
    name: "@waybill/x",
    version: "1.0.0",
    description: "A package that has been planted here.",
    license: "MIT",
    type: "module",
    engines: { node: ">=22.13" },
    files: ["dist"],
    publishConfig: { access: "public", provenance: true },
  };
  const faults = (changed: Partial<ReleaseManifest>, top: Partial<ReleaseManifest> = {}): string[] =>
    faultsOfManifest({ path: "packages/x", manifest: { ...manifest, ...changed } }, { ...manifest, ...top });

  test("of each published package is sound", () => {
    const all = publishedIn(root).flatMap((one) => faultsOfManifest(one, readManifest(root, ".")));
    expect(all).toEqual([]);
    expect(faults({})).toEqual([]);
  });

  test.each([
    ["license", faults({ license: "UNLICENSED" })],
    ["engines", faults({ engines: {} })],
    ["files", faults({ files: [] })],
    ["access", faults({ publishConfig: { provenance: true } })],
    ["provenance", faults({ publishConfig: { access: "public" } })],
    [
      "repository.directory",
      faults({ repository: { url: "git+https://x" } }, { repository: { url: "git+https://x" } }),
    ],
  ])("without %s is caught", (field, found) => {
    expect(found).toEqual([expect.stringContaining(field)]);
  });
});

describe("a changelog", () => {
  const of = (text: string): string[] => faultsOfChangelog("@waybill/x", "1.0.0", text);

  test("is sound with one version and its entries", () => {
    expect(of("# @waybill/x\n\n## 1.0.0\n\n### Minor Changes\n\n- It does this.\n- It does that.\n")).toEqual([]);
  });

  test.each([
    ["of another version", "# @waybill/x\n\n## 0.9.0\n\n### Minor Changes\n\n- It does this.\n", /first version/],
    ["without an entry", "# @waybill/x\n\n## 1.0.0\n", /no entry/],
    ["with a hash", "# @waybill/x\n\n## 1.0.0\n\n### Minor Changes\n\n- 772003a: It does this.\n", /hash/],
    [
      "with an empty heading",
      "# @waybill/x\n\n## 1.0.0\n\n### Minor Changes\n\n- It.\n\n### Patch Changes\n",
      /heading/,
    ],
    ["with an entry twice", "# @waybill/x\n\n## 1.0.0\n\n### Minor Changes\n\n- It.\n- It.\n", /twice/],
  ])("%s is caught", (_, text, says) => {
    expect(of(text)).toEqual([expect.stringMatching(says)]);
  });
});

describe("code of others in a bundle", () => {
  test("is found by its modules, and named with its licence", () => {
    const modules = [join(root, "node_modules/preact/dist/preact.mjs"), join(root, "packages/dashboard/page/main.tsx")];
    const page = thirdPartyPage(packagesOf(modules));
    expect(namedIn(page)).toEqual([expect.stringMatching(/^preact \d/)]);
    expect(page).toContain("Permission is hereby granted");
  });

  test("without a licence, or with one that does not allow it, ends the build", () => {
    put({ "node_modules/closed/package.json": { name: "closed", version: "1.0.0", license: "SEE LICENSE" } });
    put({ "node_modules/bare/package.json": { name: "bare", version: "1.0.0", license: "MIT" } });
    const page = (name: string) => () => thirdPartyPage(packagesOf([join(folder, "node_modules", name, "index.js")]));
    expect(page("closed")).toThrow(/closed is bundled, and its licence is SEE LICENSE/);
    expect(page("bare")).toThrow(/bare is bundled, and has no file with its licence/);
  });
});

test("each published package has a budget, and no other one has", () => {
  const names = publishedIn(root).map(({ manifest }) => manifest.name);
  expect(Object.keys(budgets).toSorted()).toEqual(names.toSorted());
});
