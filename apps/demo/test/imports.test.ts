import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SOURCE = fileURLToPath(new URL("../src/", import.meta.url));
const IMPORT = /(?:from\s+|import\s*\(\s*|import\s+)["']([^"']+)["']/g;

describe("what the demo imports", () => {
  test("R20: application code imports no backend and no driver: only a URL names the backend", () => {
    const imports = sources().flatMap((path) => importsOf(path));
    const waybill = new Set(imports.filter((name) => name.startsWith("@waybill/")));
    expect([...waybill].sort()).toEqual([
      "@waybill/core",
      "@waybill/dashboard",
      "@waybill/dashboard/node",
      "@waybill/express",
      "@waybill/http",
      "@waybill/nest",
      // The launcher's, to start the servers that the page can switch to.
      "@waybill/test-servers",
    ]);
    const drivers = /sqlite|bullmq|ioredis|amqplib|client-sqs|^pg$|postgres/;
    expect(imports.filter((name) => drivers.test(name))).toEqual([]);
    const named = sources().filter((path) =>
      /@waybill\/(sqlite|bullmq|sqs|rabbitmq|postgres)\b/.test(readFileSync(path, "utf8")),
    );
    expect(named).toEqual([]);
  });

  test("the web process loads handlers/ and sharp only to run pushed jobs", () => {
    const pushed = join(SOURCE, "web/receive.ts");
    const loaded = reachable(join(SOURCE, "web.ts"), new Set([pushed]));
    expect(loaded.size).toBeGreaterThan(10);
    expect([...loaded].filter((name) => /\/src\/handlers[/.]/.test(name) || name === "sharp")).toEqual([]);
    expect([...reachable(pushed)].filter((name) => name === "sharp")).toEqual(["sharp"]);
  });

  test("the worker loads nothing of the web process, and the pusher loads no handlers", () => {
    const worker = [...reachable(join(SOURCE, "worker.ts"))];
    expect(worker.filter((name) => /\/src\/web[/.]/.test(name) || name === "express")).toEqual([]);
    const pusher = [...reachable(join(SOURCE, "pusher.ts"))];
    expect(pusher.filter((name) => /\/src\/(handlers|web)[/.]/.test(name) || name === "sharp")).toEqual([]);
  });
});

function sources(): string[] {
  const names = readdirSync(SOURCE, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".ts")).map((name) => join(SOURCE, name));
}

/** Imports that exist when the program runs. */
function importsOf(path: string): string[] {
  const code = readFileSync(path, "utf8").replaceAll(/import type [^;]+;/g, "");
  return [...code.matchAll(IMPORT)].map((match) => match[1] ?? "");
}

function reachable(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const name of importsOf(path)) {
    if (name.startsWith(".")) reachable(resolve(dirname(path), name), seen);
    else seen.add(name);
  }
  return seen;
}
