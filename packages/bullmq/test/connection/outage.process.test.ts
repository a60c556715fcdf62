import { rmSync } from "node:fs";
import { connect, defineJob, isWaybillError } from "@waybill/core";
import { makeSmallDisk, startProxy, startRedis, type TestServer } from "@waybill/test-servers";
import { describe, expect, onTestFinished, test } from "vitest";
import { fromUrl } from "../../src/index.ts";
import { lease, message, open, redisClient } from "../redis.ts";

type Options = NonNullable<Parameters<typeof startRedis>[0]>;

async function redis(options: Options = {}): Promise<Awaited<ReturnType<typeof startRedis>>> {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

const refusal = (url: string): Promise<string> =>
  open({ url }).then(
    () => "it was opened",
    (error: unknown) => (isWaybillError(error, "CONFIG_INVALID") ? error.message : String(error)),
  );

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "ok",
    (error: { code?: string }) => error.code ?? String(error),
  );

describe("a server that may lose jobs is refused at the start, and named", () => {
  test.each<[string, Options, string]>([
    ["without its append-only file", { appendfsync: "no" }, "appendonly is no"],
    [
      "R63: that evicts, even where CONFIG is forbidden",
      { args: ["--maxmemory-policy", "allkeys-lru", "--rename-command", "CONFIG", ""] },
      "maxmemory-policy is allkeys-lru",
    ],
  ])("%s", async (_, options, reason) => {
    const { url } = await redis(options);
    const reasons = await refusal(url);
    expect(reasons).toContain(reason);
    expect(reasons).toContain("strict=false");
    const backend = await open({ url, strict: false });
    const failures = (await backend.doctor.checks()).filter(({ severity }) => severity === "failure");
    expect(failures.map((finding) => finding.message).join()).toContain(reason);
    expect(backend.capabilities.durable).toBe(options.appendfsync !== "no");
  });

  test("a replica takes no writes, whatever strict says", async () => {
    const primary = await redis();
    const replica = await redis({ args: ["--replicaof", "127.0.0.1", `${primary.port}`] });
    await expect.poll(() => refusal(replica.url), { timeout: 20_000 }).toContain("connect to the primary");
    expect(await codeOf(open({ url: replica.url, strict: false }))).toBe("CONFIG_INVALID");
  });

  test("a cluster needs a URL that says so and a prefix in braces, and then it works", async () => {
    const { url } = await redis({ cluster: true });
    const admin = await redisClient(url);
    await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    expect(await refusal(url)).toContain("cluster=true");
    await expect.poll(() => admin.call("CLUSTER", "INFO"), { timeout: 10_000 }).toContain("cluster_state:ok");
    expect(await codeOf(open({ url, cluster: true }))).toBe("CONFIG_INVALID");
    const backend = await open({ url, cluster: true, prefix: "{waybill}" });
    const waiting = lease(backend, { waitMs: 10_000 });
    const sent = message();
    expect(await backend.enqueue([sent])).toMatchObject([{ ok: true }]);
    const [leased] = await waiting;
    expect(leased?.id).toBe(sent.id);
    expect(leased && (await backend.ack([leased]))).toMatchObject([{ ok: true }]);
    const pushed = crypto.randomUUID();
    await (await redisClient(url)).lpush("{waybill}:inbox:default", JSON.stringify({ id: pushed }));
    expect(await lease(backend, { waitMs: 10_000 })).toMatchObject([{ id: pushed }]);
  });
});

describe("the error names why Redis does not answer", () => {
  test("a wrong password and a missing one, without repeating it", async () => {
    const { url, port } = await redis({ password: "right" });
    const wrong = await refusal(`redis://:hunter2@127.0.0.1:${port}`);
    expect(wrong).toContain("refuses the user name or password");
    expect(wrong).not.toContain("hunter2");
    expect(await refusal(`redis://127.0.0.1:${port}`)).toContain("asks for a password");
    expect((await open({ url })).address).toBe(`redis://127.0.0.1:${port}/0`);
  });

  test("no server there", async () => {
    const error = await open({ url: "redis://127.0.0.1:1" }).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: "BACKEND_UNAVAILABLE", message: expect.stringContaining("ECONNREFUSED") });
  });

  test("R50: a disk that takes no snapshot: the doctor names the setting, enqueue the cause", async () => {
    const server = await redis({ args: ["--save", "1 1"] });
    const { url, folder } = server;
    // At SIGTERM it would try to save first, and stay.
    onTestFinished(() => server.kill());
    const backend = await open({ url });
    expect(await backend.enqueue([message()])).toMatchObject([{ ok: true }]);
    rmSync(folder, { recursive: true, force: true });
    const once = async (): Promise<string> =>
      (await backend.enqueue([message()])).map((result) => (result.ok ? "ok" : result.error.message)).join();
    await expect.poll(once, { timeout: 30_000, interval: 300 }).toContain("MISCONF");
    expect(await once()).toContain("setting dir");
    const failures = (await backend.doctor.checks()).filter(({ severity }) => severity === "failure");
    expect(failures).toMatchObject([
      { check: "redis.saving", message: expect.stringContaining("rdb_last_bgsave_status") },
    ]);
    expect(await refusal(url)).toContain("rdb_last_bgsave_status is err");
  });

  test("a full disk is BACKEND_FULL, which names it, and stores jobs again once there is space", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "only root may mount a disk");
    const disk = makeSmallDisk(4 * 1_048_576);
    onTestFinished(() => disk.remove());
    const backend = await open({ url: (await redis({ appendfsync: "everysec", parent: disk.folder })).url });
    await backend.enqueue([message()]);
    disk.fill();
    // Redis notices it when it writes its file, within a second.
    const once = async (): Promise<string> => {
      const [result] = await backend.enqueue([message()]);
      return result?.ok === false ? `${result.error.code}: ${result.error.message}` : "ok";
    };
    await expect.poll(once, { timeout: 60_000, interval: 100 }).toMatch(/^BACKEND_FULL: .*disk of Redis is full.*free/);
    disk.free();
    await expect.poll(once, { timeout: 60_000, interval: 100 }).toBe("ok");
  });

  test("R65: full memory is BACKEND_FULL, workers still drain it, and then it stores jobs again", async () => {
    const { url } = await redis({ args: ["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"] });
    const backend = await open({ url });
    const body = JSON.stringify("x".repeat(20_000));
    let stored = 0;
    let refused = "";
    while (refused === "" && stored < 1_000) {
      const [result] = await backend.enqueue([message({ body })]);
      if (result?.ok) stored += 1;
      else refused = `${result?.error.code}: ${result?.error.message}`;
    }
    expect(refused).toMatch(/^BACKEND_FULL: .*maxmemory/);
    let drained = 0;
    while (drained < stored) {
      const leases = await lease(backend, { limit: 10, waitMs: 5_000 });
      expect(leases).not.toEqual([]);
      expect((await backend.ack(leases)).every(({ ok }) => ok)).toBe(true);
      drained += leases.length;
    }
    expect(await backend.enqueue([message({ body })])).toMatchObject([{ ok: true }]);
  });
});

describe("Redis frozen or gone", () => {
  async function closeMs(server: TestServer, act: () => unknown): Promise<number> {
    const backend = await open({ url: server.url });
    // It may reject while the close is still under way.
    const waiting = lease(backend, { waitMs: 60_000 }).catch(() => []);
    await backend.enqueue([message({ queue: "other" })]);
    await act();
    const before = performance.now();
    await backend.close();
    const tookMs = performance.now() - before;
    expect(await waiting).toEqual([]);
    return tookMs;
  }

  test("R39: close returns within its deadline, though nothing answers", async () => {
    const server = await redis();
    expect(await closeMs(server, () => server.freeze())).toBeLessThan(2_000);
    server.thaw();
    expect(await closeMs(server, () => server.kill())).toBeLessThan(2_000);
  });

  test("a call rejects within its timeout, and the next one succeeds once Redis answers again", async () => {
    const server = await redis();
    const backend = await open({ url: server.url, callTimeoutMs: 500 });
    const sent = message();
    server.freeze();
    const before = performance.now();
    expect(await backend.enqueue([sent])).toMatchObject([{ ok: false, error: { code: "BACKEND_UNAVAILABLE" } }]);
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(await codeOf(lease(backend))).toBe("BACKEND_UNAVAILABLE");
    server.thaw();
    const stored = async (): Promise<boolean> => (await backend.enqueue([sent]))[0]?.ok ?? false;
    await expect.poll(stored, { timeout: 15_000 }).toBe(true);
    await expect.poll(async () => (await lease(backend).catch(() => []))[0]?.id, { timeout: 15_000 }).toBe(sent.id);
  });

  test("scripts that Redis has forgotten are sent again", async () => {
    const server = await redis();
    const backend = await open({ url: server.url });
    await backend.enqueue([message()]);
    await (await redisClient(server.url)).call("SCRIPT", "FLUSH");
    expect(await backend.enqueue([message()])).toMatchObject([{ ok: true }]);
    expect(await lease(backend, { limit: 2 })).toHaveLength(2);
  });
});

describe("worker and producer go on by themselves within 15 s, and nothing accepted is lost", () => {
  /** Enqueues and runs all along while `harm` is done, then waits for what was accepted. */
  async function survives(url: string, harm: () => Promise<void>): Promise<void> {
    const ran = new Set<unknown>();
    const job = defineJob({ type: "test.count", handler: (payload) => void ran.add((payload as { n: number }).n) });
    const jobs = await connect(fromUrl(url), { log: "off" });
    onTestFinished(() => jobs.close());
    await jobs.worker({ jobs: [job], concurrency: 10, lease: "5s" }).start();
    const accepted: number[] = [];
    let [n, back] = [0, Infinity];
    let after = 0;
    const produce = (async () => {
      while (after < 100 && performance.now() < back + 15_000) {
        const number = (n += 1);
        const stored = await jobs.enqueue(job, { n: number }).then(
          () => true,
          () => false,
        );
        if (stored) accepted.push(number);
        else await pause(50);
        if (stored && back < Infinity) after += 1;
      }
    })();
    await harm();
    back = performance.now();
    await produce;
    expect(after).toBe(100);
    await expect.poll(() => accepted.slice(-100).some((one) => ran.has(one)), { timeout: 10_000 }).toBe(true);
    expect(performance.now() - back).toBeLessThan(15_000);
    // What a connection took with it is leased for 5 s, then taken over.
    await expect.poll(() => accepted.filter((one) => !ran.has(one)), { timeout: 20_000 }).toEqual([]);
  }

  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  test("when Redis is killed under load and comes back", async () => {
    const server = await redis({ appendfsync: "always" });
    await survives(server.url, async () => {
      await pause(500);
      await server.kill();
      await pause(1_500);
      await server.restart();
    });
  });

  test("when the connection is cut for 10 s", async () => {
    const server = await redis();
    const proxy = await startProxy(server);
    onTestFinished(() => proxy.close());
    await survives(`${proxy.url(server.url)}?callTimeoutMs=2000`, async () => {
      await pause(500);
      proxy.cut("silence");
      await pause(10_000);
      proxy.heal();
    });
  });
});
