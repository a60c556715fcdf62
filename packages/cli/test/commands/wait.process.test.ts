import { setTimeout as sleep } from "node:timers/promises";
import { startRedis, type TestServer } from "@waybill/test-servers";
import { afterEach, describe, expect, test } from "vitest";
import { freshPlace, jsonLines, start, waybill } from "../cli.ts";

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

describe("R56: waybill wait", () => {
  test("answers within a second of a service that comes three seconds late", async () => {
    const probe = await startRedis();
    await probe.stop();
    const waiting = start(["wait", "--json", "--url", probe.url, "--timeout", "30s"]);
    await sleep(3_000);
    servers.push(await startRedis({ port: probe.port }));
    const upAt = performance.now();
    const { code, stdout } = await waiting.ended;
    expect(performance.now() - upAt).toBeLessThan(1_500);
    expect(code).toBe(0);
    expect(jsonLines(stdout)[0]).toMatchObject({ waitedMs: expect.any(Number) });
  });

  test("exits 1 at its limit when the service is absent, and when it is frozen", async () => {
    const redis = await startRedis();
    servers.push(redis);
    redis.freeze();
    for (const url of ["redis://127.0.0.1:1", redis.url]) {
      const began = performance.now();
      const { code, stderr } = await waybill(["wait", "--url", url, "--timeout", "2s"]);
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(stderr).toContain("no answer within 2s");
      expect(code).toBe(1);
    }
  });

  test("answers at once for a backend that is there, and does not wait for a URL that cannot be right", async () => {
    const { env, url } = freshPlace();
    expect(await waybill(["wait"], { env })).toMatchObject({ code: 0, stdout: expect.stringContaining(url) });
    const wrong = await waybill(["wait", "--url", "pigeon://roof", "--timeout", "30s"]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('"pigeon://roof"') });
  });
});
