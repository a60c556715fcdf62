import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startPostgres, startRedis, type TestServer } from "@waybill/test-servers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture, freshPlace, linesOf, start, until, waybill } from "./cli.ts";

describe.each([
  { service: "redis", startServer: () => startRedis(), version: /redis is (\d+\.\d+\.\d+)/ },
  { service: "postgres", startServer: () => startPostgres(), version: /postgres is (\d+\.\d+)/ },
])("R21: a running $service", ({ service, startServer, version }) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  }, 60_000);
  afterAll(() => server.stop());

  /** A project whose package.json declares the range. */
  function project(range: string): { cwd: string; env: Record<string, string> } {
    const { folder, env } = freshPlace();
    writeFileSync(join(folder, "package.json"), JSON.stringify({ waybill: { services: { [service]: range } } }));
    return { cwd: folder, env: { ...env, WAYBILL_URL: server.url } };
  }
  const worker = ["worker", "--jobs", fixture("jobs")];

  test.each([[worker], [["enqueue", "slow.step", "--jobs", fixture("jobs")]], [["queues"]]])(
    "outside the declared range: %s does not start, and both versions are named",
    async (args) => {
      const { code, stdout, stderr } = await waybill(args, project(">=99"));
      expect(stderr).toMatch(version);
      expect(stderr).toContain('">=99"');
      expect(stdout).not.toContain("booted");
      expect(code).not.toBe(0);
    },
  );

  test("within the declared range: a worker starts", async () => {
    const { code, stderr } = await waybill(["queues"], project(">=99"));
    expect(code).not.toBe(0);
    const major = Number(version.exec(stderr)?.[1]?.split(".")[0]);
    const { cwd, env } = project(`>=${major} <${major + 1}`);
    const running = start(worker, env, [], cwd);
    await until("it is up", () => linesOf(running).some(({ event }) => event === "booted"));
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });
});
