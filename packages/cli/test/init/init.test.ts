import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { OTHERS } from "../../src/init/manifest.ts";
import { backendBy } from "../../src/init/backends.ts";
import { run } from "../../src/program.ts";
import { version } from "../../src/version.ts";

let parent = "";
let folder = "";
let printed = "";

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "waybill-init-"));
  folder = join(parent, "Shop 1");
  const keep = (text: unknown): boolean => {
    printed += String(text);
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(keep);
  vi.spyOn(process.stderr, "write").mockImplementation(keep);
  vi.stubEnv("npm_config_user_agent", "");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true });
});

/** Runs `waybill init` on the folder; returns the exit code and all that was printed. */
async function init(...more: string[]): Promise<{ code: number; printed: string }> {
  printed = "";
  return { code: await run(["init", folder, ...more]), printed };
}

function given(files: Readonly<Record<string, string | object>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    writeFileSync(join(folder, path), typeof content === "string" ? content : JSON.stringify(content));
  }
}

const text = (path: string): string => readFileSync(join(folder, path), "utf8");
const manifest = (): Record<string, Record<string, string>> => JSON.parse(text("package.json")) as never;
/** Every file below, by its path. */
const all = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();

test("a folder that is not there becomes a project of TypeScript as ES modules", async () => {
  const { code, printed: said } = await init();
  expect(code).toBe(0);
  expect(all()).toEqual([
    ".gitignore",
    "package.json",
    "src/enqueue.ts",
    "src/jobs.test.ts",
    "src/jobs.ts",
    "src/worker.ts",
    "tsconfig.json",
  ]);
  expect(manifest()).toMatchObject({ name: "shop-1", private: true, type: "module" });
  // The flag is for Node 22.13 to 22.17, which may run what a newer one wrote.
  expect(manifest()["scripts"]).toMatchObject({ worker: "node --experimental-strip-types src/worker.ts" });
  expect(said).toMatch(
    /Next:\n {2}cd .*\n {2}npm install\n {2}npm run test\n {2}npm run enqueue\n {2}npm run worker\n$/,
  );
});

describe("a project that is there keeps what it has", () => {
  test("what npm init wrote: CommonJS, so the files are .mts, and only its placeholder of a test goes", async () => {
    given({
      "package.json": `{\n\t"name": "a",\n\t"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"},\n\t"type": "commonjs"\n}`,
    });
    const { code, printed: said } = await init();
    expect(code).toBe(0);
    expect(said).not.toContain("Add waybill.db*");
    expect(text(".gitignore")).toContain("waybill.db*");
    expect(all()).toContain("src/worker.mts");
    expect(text("src/worker.mts")).toContain('from "./jobs.mts"');
    expect(text("package.json")).toMatch(
      /^\{\n\t"name": "a",\n\t"scripts": \{\n\t\t"test": "node [^\n]*jobs\.test\.mts"/,
    );
    expect(manifest()["type"]).toBe("commonjs");
  });

  test("an Express application in JavaScript, with scripts and dependencies of its own", async () => {
    const dependencies = { express: "^5.0.0", zod: "^3.0.0" };
    given({
      "package.json": { name: "a", scripts: { test: "vitest", worker: "node w.js" }, dependencies },
      "pnpm-lock.yaml": "",
    });
    const { printed: said } = await init("--backend", "postgres://u:secret@db/x");
    expect(all().filter((path) => path.startsWith("src/"))).toEqual([
      "src/enqueue.mjs",
      "src/jobs.mjs",
      "src/jobs.test.mjs",
      "src/worker.mjs",
    ]);
    expect(manifest()["scripts"]).toEqual({
      test: "vitest",
      worker: "node w.js",
      "waybill:worker": "node src/worker.mjs",
      enqueue: "node src/enqueue.mjs",
      "waybill:test": "node --test src/jobs.test.mjs",
    });
    expect(manifest()["dependencies"]).toMatchObject({
      ...dependencies,
      "@waybill/postgres": `^${version}`,
      pg: "^8.16.0",
    });
    expect(said).toMatch(/pnpm run waybill:worker[^]*connection\.enqueue\(sendReceipt/);
    expect(`${said}${all().map(text).join("")}`).not.toContain("secret");
  });

  test("TypeScript that may not import .ts: the commands of this package are the worker and the producer", async () => {
    given({
      "package.json": { type: "module", devDependencies: { typescript: "^6.0.0" } },
      "tsconfig.json": "{ /* mine */ }",
    });
    expect((await init()).code).toBe(0);
    expect(all()).toEqual(["package.json", "src/jobs.test.mjs", "src/jobs.ts", "tsconfig.json"]);
    expect(text("tsconfig.json")).toBe("{ /* mine */ }");
    expect(manifest()["scripts"]).toMatchObject({ worker: "waybill worker --jobs src/jobs.ts" });
  });

  test("a Nest application gets a module, its worker and its test", async () => {
    given({ "package.json": { dependencies: { "@nestjs/core": "^11.0.0" } }, "tsconfig.json": "{}" });
    const { printed: said } = await init();
    expect(all().filter((path) => path.startsWith("src/"))).toEqual([
      "src/jobs/jobs.module.spec.ts",
      "src/jobs/jobs.module.ts",
      "src/jobs/worker.ts",
    ]);
    expect(Object.keys(manifest()["dependencies"] ?? {})).toEqual(
      expect.arrayContaining(["@waybill/nest", "@waybill/http"]),
    );
    expect(said).toContain("Add JobsModule to the imports of AppModule");
  });
});

test("--dry-run prints every file and writes none", async () => {
  const { code, printed: said } = await init("--dry-run", "--dir", "src/background");
  expect(code).toBe(0);
  expect(said).toMatch(
    /^src\/background\/jobs\.ts\nimport \{ defineJob \}[^]*\npackage\.json\n\{[^]*Nothing was written\.\n$/,
  );
  expect(readdirSync(parent)).toEqual([]);
});

describe("what cannot be done is one line, and nothing is written", () => {
  /** Fails with this exit code and message, and changes no file. */
  async function refused(code: number, message: RegExp, ...more: string[]): Promise<void> {
    const before = all().map((path) => [path, text(path)]);
    const result = await init(...more);
    expect(result).toMatchObject({ code, printed: expect.stringMatching(message) });
    expect(result.printed.trimEnd().split("\n")).toHaveLength(1);
    expect(all().map((path) => [path, text(path)])).toEqual(before);
  }

  test("a file that is there", async () => {
    given({ "package.json": {} });
    await init();
    await refused(2, /src\/jobs\.mts, .* are there already, and nothing was written; move them away, or .* --dir/);
  });

  test.each([
    ["not JSON", "{ name: 1 }", /package\.json is not JSON \(.*\); correct it/],
    ["a list", "[]", /package\.json is no JSON object/],
    ["scripts that are none", '{"scripts":[]}', /"scripts" in package\.json is no object/],
    ["both names taken", '{"scripts":{"worker":"a","waybill:worker":"b"}}', /has other scripts "worker"/],
  ])("a package.json: %s", async (_, content, message) => {
    given({ "package.json": content });
    await refused(2, message);
  });

  test("a backend that is none, without its URL, and a folder outside", async () => {
    given({});
    await refused(2, /--backend is "kafka": write one of sqlite, postgres/, "--backend", "kafka");
    await refused(2, /--backend is a URL of "mysql:"/, "--backend", "mysql://u:secret@h/x");
    expect(printed).not.toContain("secret");
    await refused(2, /--dir.*within the project/, "--dir", "../elsewhere");
    await refused(2, /--dir.*within the project/, "--dir", "/tmp");
  });

  test("a failure after the first files were written: they are removed again", async () => {
    given({ "package.json": { type: "module" } });
    // The last of the files: it is not there, and cannot be made.
    symlinkSync(join(parent, "nowhere"), join(folder, "tsconfig.json"));
    const result = await init();
    expect(result).toMatchObject({
      code: 1,
      printed: expect.stringMatching(/tsconfig\.json cannot be written \(EEXIST: .*\); nothing was written\n$/),
    });
    expect(readdirSync(folder).toSorted()).toEqual(["package.json", "tsconfig.json"]);
    expect(manifest()).toEqual({ type: "module" });
  });

  test("a folder that nobody may write, and one that is a file", async () => {
    printed = "";
    expect(await run(["init", "/proc/self"])).toBe(1);
    expect(printed).toMatch(/^error: src\/jobs\.ts cannot be written \(E\w+: [^']*\); nothing was written\n$/);
    given({ a: "" });
    printed = "";
    expect(await run(["init", join(folder, "a")])).toBe(2);
    expect(printed).toMatch(/is a file; name a folder\n$/);
  });
});

test("the versions it writes are those that are tested here", () => {
  const versions = (path: string): Record<string, string> => {
    const { devDependencies, peerDependencies } = JSON.parse(
      readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8"),
    ) as Record<string, Record<string, string>>;
    return { ...devDependencies, ...peerDependencies };
  };
  const top = versions("package.json");
  for (const [name, range] of Object.entries(OTHERS)) expect([name, range]).toEqual([name, `^${top[name]}`]);
  for (const name of ["sqlite", "postgres", "bullmq", "rabbitmq", "sqs"]) {
    const { clients } = backendBy(name);
    const peers = versions(`packages/${name}/package.json`);
    for (const [client, range] of Object.entries(clients)) expect([client, range]).toEqual([client, peers[client]]);
  }
});
