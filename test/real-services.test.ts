import { globSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { importsOf, published, read, root, sources, top, workspaces } from "./workspace.ts";

const testFiles = [...sources("packages/*/test"), ...sources("apps/*/test"), ...sources("test")];

/** Packages that stand in for a broker or a database, by the words such packages have in their names. */
const standIn =
  /(redis|ioredis|sqs|aws|amqp|rabbit|pg|postgres|sqlite|queue).*(mock|fake|stub|mem(ory)?$)|(mock|fake|stub).*(redis|sqs|aws|amqp|rabbit|pg|postgres|sqlite|queue)|^pg-mem$/;

describe("R57: nothing stands in for a broker or a database", () => {
  test("such packages are known by their names", () => {
    const some = ["ioredis-mock", "redis-mock", "mock-amqplib", "pg-mem", "aws-sdk-client-mock", "fakeredis"];
    expect(some.filter((name) => !standIn.test(name))).toEqual([]);
    expect(["ioredis", "amqplib", "pg", "fauxqs", "bullmq"].filter((name) => standIn.test(name))).toEqual([]);
  });

  test("the lockfile holds none, at any depth", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, unknown> };
    const names = Object.keys(packages).map((path) => path.split("node_modules/").at(-1) ?? "");
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => standIn.test(name))).toEqual([]);
  });

  test("no test replaces a module", () => {
    const replaces = /\b(vi|jest|mock)\.(do)?mock\(|\bmock\.module\(/i;
    const files = testFiles.filter((file) => file !== "test/real-services.test.ts");
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => replaces.test(read(file)))).toEqual([]);
  });

  test("every backend, the one in memory too, runs the published suite", () => {
    const bound = (folder: string): boolean =>
      sources(`${folder}/test`).some(
        (file) =>
          importsOf(file).some(({ specifier }) => specifier === "@waybill/backend-contract") &&
          /\brunBackendContract\(/.test(read(file)),
      );
    const apart = new Set([
      "core",
      "backend-contract",
      "cli",
      "dashboard",
      "http",
      "express",
      "nest",
      "create-waybill",
      "platforms",
    ]);
    const backends = published.map(({ path }) => path).filter((path) => !apart.has(path.split("/")[1] ?? ""));
    expect(backends).toContain("packages/sqlite");
    expect(backends.filter((path) => !bound(path))).toEqual([]);
    const memory = sources("packages/{core,backend-contract}/test").filter((file) =>
      /\brunBackendContract\(/.test(read(file)),
    );
    expect(memory.some((file) => /\bmemoryBackend\b/.test(read(file)))).toBe(true);
  });
});

describe("R58: the tests need no Docker", () => {
  test("no test, script or CI step starts a container", () => {
    const scripts = globSync(["scripts/**/*.*", ".ci/run"], { cwd: root });
    const starts = /\b(docker|docker-compose|podman|testcontainers)\b/i;
    // The finder may use an engine that is there; the tests do without. Two name a page's row and an example, and start none.
    const named = new Set(["real-services", "external-facts", "examples/servers.process"]);
    const mayNameThem = (file: string): boolean =>
      named.has(file.slice(5, -8)) || file.startsWith("packages/test-servers/");
    const files = [...testFiles, ...scripts].filter((file) => !mayNameThem(file));
    expect(scripts).toContain(".ci/run");
    expect(files.filter((file) => starts.test(read(file)))).toEqual([]);
  });

  test("no package depends on one", () => {
    const names = [top, ...workspaces].flatMap(({ manifest }) =>
      Object.keys({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies }),
    );
    expect(names.filter((name) => /docker|testcontainers/.test(name))).toEqual([]);
  });

  test("`npm test` is the whole suite, with nothing to start beforehand", () => {
    expect(top.manifest.scripts?.["test"]).toBe("npm run needs && npm run build && vitest run");
  });
});
