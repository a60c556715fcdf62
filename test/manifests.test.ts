import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { published, read, root, top, workspaces } from "./workspace.ts";

interface Locked {
  readonly packages: Readonly<
    Record<string, { readonly resolved?: string; readonly link?: boolean; readonly hasInstallScript?: boolean }>
  >;
}

describe.each([top, ...workspaces])("$path/package.json", ({ path, manifest }) => {
  test("pins every version exactly, so that two clones install the same bytes", () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const wanted = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(wanted.filter(([, version]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  test("tests the client libraries it leaves to the user at a pinned version of its own", () => {
    const { devDependencies = {}, peerDependencies = {} } = manifest;
    const clients = Object.keys(peerDependencies).filter((name) => !name.startsWith("@waybill/"));
    expect(clients.filter((name) => !(name in devDependencies))).toEqual([]);
  });

  test("asks an application for one version of ours, and for any of a client library that keeps its promises", () => {
    const asked = Object.entries(manifest.peerDependencies ?? {});
    const allowed = (name: string) =>
      name.startsWith("@waybill/") ? /^\d+\.\d+\.\d+(-rc\.\d+)?$/ : /^[~^]?\d+\.\d+\.\d+( \|\| [~^]?\d+\.\d+\.\d+)*$/;
    expect(asked.filter(([name, version]) => !allowed(name).test(version))).toEqual([]);
  });

  test("has what its types refer to among its dependencies, not its peers alone: it is built after those", () => {
    const { dependencies, devDependencies } = manifest;
    const config = join(path, "tsconfig.json");
    const { references = [] } = (existsSync(join(root, config)) ? JSON.parse(read(config)) : {}) as {
      readonly references?: readonly { readonly path: string }[];
    };
    const names = references.map(
      (reference) => workspaces.find((one) => one.path === join(path, reference.path))?.manifest.name,
    );
    expect(names.filter((name = "") => !(name in { ...dependencies, ...devDependencies }))).toEqual([]);
  });

  test("is MIT", () => {
    expect(manifest.license).toBe("MIT");
  });
});

describe.each(published)("$manifest.name", ({ path, manifest }) => {
  test("packs the sources without the pages about them, which are for who changes the sources", () => {
    const { files = [] } = manifest;
    expect(files.includes("src") && !files.includes("!src/**/*.md")).toBe(false);
  });

  test("is ESM, and is a library whose every export names sources, types and code, or a command", () => {
    expect(manifest.type).toBe("module");
    expect(Object.keys({ ...manifest.exports, ...manifest.bin })).not.toEqual([]);
    for (const target of Object.values(manifest.exports ?? {})) {
      // Node and bundlers take the ESM form by either of the second two, whoever asks: two forms in one process would not
      // know each other's state. `require` is for what knows neither, as Jest's loader.
      expect(Object.keys(target)).toEqual(["waybill-source", "types", "module-sync", "module", "require", "default"]);
      expect([target["module-sync"], target["module"]]).toEqual([target["default"], target["default"]]);
      expect(existsSync(join(root, path, target["waybill-source"] ?? ""))).toBe(true);
    }
  });

  test("asks for the Node that first has node:sqlite unflagged", () => {
    expect(manifest.engines?.node).toBe(">=22.13");
  });

  test("has a README that begins with its name and one sentence", () => {
    const [title, , sentence] = read(join(path, "README.md")).split("\n");
    expect(title).toBe(`# ${manifest.name}`);
    expect(sentence).toMatch(/^[A-Z].{20,}\.$/);
  });

  test("is in the group whose versions move together", () => {
    const { fixed } = JSON.parse(read(".changeset/config.json")) as { fixed: string[][] };
    expect(fixed.flat()).toContain(manifest.name);
  });
});

test("a command is a file of the repository that may be run, so that npm links it before the first build", () => {
  const bins = published.flatMap(({ path, manifest }) =>
    Object.values(manifest.bin ?? {}).map((bin) => join(root, path, bin)),
  );
  expect(bins.length).toBeGreaterThan(0);
  for (const bin of bins) {
    expect(bin).not.toContain("/dist/");
    expect(statSync(bin).mode & 0o111, bin).toBe(0o111);
  }
});

// npm refuses to install two packages that both leave a third one optional, unless the third can be had.
test("core alone names the backends as optional peers", () => {
  const naming = published.filter(({ manifest }) => "@waybill/sqlite" in (manifest.peerDependencies ?? {}));
  expect(naming.map(({ manifest }) => manifest.name)).toEqual(["@waybill/core"]);
});

describe.each(["package-lock.json", ".ci/nodes/package-lock.json"])("%s", (path) => {
  const { packages } = JSON.parse(read(path)) as Locked;

  test("names no registry host, so that any mirror serves", () => {
    const hosts = Object.entries(packages).filter(([, { resolved, link }]) => resolved !== undefined && !link);
    expect(hosts).toEqual([]);
  });

  test("holds nothing that runs a script when installed", () => {
    const scripted = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript);
    // BullMQ's encoder works without this optional native part, which is all that its script is about.
    expect(scripted.map(([name]) => name).filter((name) => name !== "node_modules/msgpackr-extract")).toEqual([]);
  });
});
