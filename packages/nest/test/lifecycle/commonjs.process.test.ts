import { join } from "node:path";
import { connect } from "@waybill/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltApp, buildApp } from "../support/commonjs-app.ts";
import { oddlyWritten, push, secret } from "../support/pushed.ts";

describe.each(["11", "12"] as const)("a CommonJS application on Nest %s", (nest) => {
  let app: BuiltApp;
  let files = 0;
  beforeAll(() => {
    app = buildApp(nest);
  });
  afterAll(() => app.remove());

  /** Its environment, with a database of its own. */
  const env = (more: Readonly<Record<string, string>> = {}) => ({
    WAYBILL_URL: `sqlite:${join(app.folder, `${(files += 1)}.db`)}`,
    WAYBILL_KEYS: secret,
    PORT: "0",
    ...more,
  });

  test.each(["express", "fastify"])(
    "on %s, enqueues, runs pulled and pushed jobs, and on SIGTERM ends them with their database open",
    async (platform) => {
      const running = app.start(env({ PLATFORM: platform }));
      const [, version, address] = await running.says(/Nest (\d+)\.\S+ is listening at (\S+)/);
      expect(version).toBe(nest);
      for (const [path, id] of [
        ["orders", "pulled"],
        ["orders/by-name", "named"],
      ]) {
        const headers = { "content-type": "application/json" };
        const placed = await fetch(`${address}/${path}`, { method: "POST", headers, body: JSON.stringify({ id }) });
        expect([placed.status, await placed.json()]).toEqual([201, { id: expect.any(String), stored: true }]);
        await running.says(new RegExp(`ended ${id} attempt 1 database open`));
      }
      const response = await push(`${address}/work`, oddlyWritten("receipt.send", { id: "pushed" }));
      expect(response.status).toBe(200);
      await running.says(/ended pushed attempt 1 database open/);
      const slow = push(`${address}/work`, oddlyWritten("receipt.send", { id: "slow", slow: true }));
      await running.says(/began slow/);
      running.kill("SIGTERM");
      expect((await slow).status).toBe(200);
      expect(await running.ended).toBe("SIGTERM");
      expect(running.output()).toMatch(/ended slow attempt 1 database open/);
      const last: unknown = JSON.parse(running.output().trimEnd().split("\n").at(-1) ?? "");
      expect(last).toMatchObject({ event: "stopped", completed: 2, unfinished: 0 });
      expect(running.errors()).toBe("");
    },
  );

  test("R53: a worker whose provider fails in any hook of the start ends with 1 and has leased no job", async () => {
    const failed = ["onModuleInit", "onApplicationBootstrap"].map(async (hook) => {
      const environment = env({ ROLE: "worker", FAILS: hook });
      await enqueueBefore(environment.WAYBILL_URL);
      const running = app.start(environment);
      expect(await running.ended).toBe(1);
      expect(running.errors()).toContain(`the database is not there in ${hook}`);
      expect(running.output()).not.toMatch(/booted|began/);
      expect(await readyIn(environment.WAYBILL_URL)).toBe(1);
    });
    await Promise.all(failed);
  });

  test("a worker past its memory limit ends its process as SIGTERM would, so that a new one can be started", async () => {
    const environment = env({ ROLE: "worker", MAX_MEMORY_BYTES: "500000000" });
    const running = app.start(environment);
    await running.says(/working/);
    await enqueueBefore(environment.WAYBILL_URL, { id: "large", leakBytes: 600_000_000 });
    expect(await running.ended).toBe("SIGTERM");
    expect(running.output()).toMatch(/ended large attempt 1 database open/);
    expect(running.output()).toMatch(/"reason":"MEMORY"/);
  });

  test("a worker process works without HTTP, and warns if SIGTERM would end it without waiting for its jobs", async () => {
    const environment = env({ ROLE: "worker", HOOKS: "off" });
    await enqueueBefore(environment.WAYBILL_URL);
    const unhooked = app.start(environment);
    await unhooked.says(/ended early attempt 1 database open/);
    await unhooked.says(/shutdown hooks are off.*call app\.enableShutdownHooks\(\)/);
    unhooked.kill("SIGKILL");
    await unhooked.ended;
  });
});

async function enqueueBefore(url: string, order: object = { id: "early" }): Promise<void> {
  const jobs = await connect(url, { log: "off" });
  await jobs.enqueue("receipt.send", order);
  await jobs.close();
}

async function readyIn(url: string): Promise<number | undefined> {
  const jobs = await connect(url, { log: "off" });
  const counts = await jobs.inspector?.counts();
  await jobs.close();
  return counts?.[0]?.ready;
}
