import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectProducer } from "@waybill/core";
import { serviceUrl, startRedis } from "@waybill/test-servers";
import { describe, expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, linesOf, start, until, waybill } from "../cli.ts";

const origins = (stdout: string): Record<string, string> =>
  Object.fromEntries(
    jsonLines(stdout)
      .filter((line) => "origin" in line)
      .map(({ name, value, origin }) => [String(name), `${value} (${origin})`]),
  );

describe("R13: waybill doctor prints every effective setting with who set it", () => {
  test("the default, package.json, the environment, or the command line and the jobs file", async () => {
    const { env, folder } = freshPlace();
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ waybill: { concurrency: 20, drain: "1m", lease: "5s", signatures: "mailers=required" } }),
    );
    const args = ["doctor", "--json", "--lease", "10s", "--jobs", fixture("definitions")];
    const { stdout, code } = await waybill(args, { env: { ...env, NODE_ENV: "test" }, cwd: folder });
    expect(code).toBe(0);
    expect(origins(stdout)).toEqual({
      jobs: `${fixture("definitions")} (code)`,
      ledger: "null (default)",
      queues: "null (default)",
      concurrency: "20 (file)",
      lease: "10s (code)",
      heartbeat: "10s (default)",
      drain: "1m (file)",
      abort: "4s (default)",
      close: "3s (default)",
      prefetch: "500 (default)",
      maxLost: "20 (default)",
      maxMemory: "null (default)",
      metricsHost: "127.0.0.1 (default)",
      metricsPort: "null (default)",
      platform: "null (default)",
      lifecycleHook: "null (default)",
      shutdownFile: "null (default)",
      programVersion: "null (default)",
      keys: "null (default)",
      signatures: "mailers=required (file)",
      url: `${env["WAYBILL_URL"]} (env)`,
      nodeEnv: "test (env)",
      "backend.path": expect.stringMatching(/jobs\.db \(env\)$/),
      "backend.maxAgeMs": "86400000 (default)",
      "backend.maxCount": "10000 (default)",
      "backend.busyTimeoutMs": "9500 (default)",
      "backend.pollMs": "40 (default)",
      "mail.album_ready.queue": "mailers (code)",
      "mail.album_ready.timeoutMs": "900000 (default)",
      "mail.album_ready.deadlineMs": "null (default)",
      "mail.album_ready.version": "1 (default)",
      "mail.album_ready.retry.maxAttempts": "10 (default)",
      "mail.album_ready.retry.initial": "5s (default)",
      "mail.album_ready.retry.factor": "2 (default)",
      "mail.album_ready.retry.max": "1h (default)",
      "mail.album_ready.retry.jitter": "true (default)",
      "mail.album_ready.retry.onExhaustion": "dead_letter (default)",
    });
  });

  test("a worker started there runs with what doctor printed", async () => {
    const { env, folder } = freshPlace();
    writeFileSync(join(folder, "package.json"), JSON.stringify({ waybill: { concurrency: 3 } }));
    const worker = start(["worker", "--jobs", fixture("jobs")], env, [], folder);
    const booted = await until("the boot line", () =>
      jsonLines(worker.stdout()).find(({ event }) => event === "booted"),
    );
    expect(booted["concurrency"]).toBe(3);
  });

  test("each line of --json is a setting, the server or a finding, with the members of docs/doctor.md", async () => {
    const { stdout } = await waybill(["doctor", "--json"], { env: freshPlace().env });
    const shapes = new Set(jsonLines(stdout).map((line) => Object.keys(line).sort().join()));
    expect([...shapes]).toEqual(["name,origin,value", "server", "check,message,remedy,severity"]);
  });

  test("a password in the URL is not printed", async () => {
    const { stdout } = await waybill(["doctor", "--json", "--url", "redis://me:secret@127.0.0.1:1"]);
    expect(origins(stdout)["url"]).toBe("redis://***@127.0.0.1:1 (code)");
    expect(stdout).not.toContain("secret");
  });

  test.each([
    [{ concurency: 3 }, "waybill.concurency, which is no option"],
    [{ concurrency: "many" }, "waybill.concurrency to many"],
    [{ services: "redis" }, "waybill.services is to be an object"],
  ])("package.json with %j is refused", async (settings, message) => {
    const { env, folder } = freshPlace();
    writeFileSync(join(folder, "package.json"), JSON.stringify({ waybill: settings }));
    const { code, stderr } = await waybill(["doctor"], { env, cwd: folder });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe("waybill doctor", () => {
  let places = 0;
  /** Another one for each test: what a test that failed has left counts in no other. */
  const freshName = (): string => `doctor${Date.now()}x${(places += 1)}`;
  const withPlace = (url: string, name: string): string =>
    `${url}${url.includes("?") ? "&" : "?"}${name}=${freshName()}`;
  const sqsPlace = async (): Promise<string> =>
    (await serviceUrl("sqs")).replace(/^(sqs:\/\/[^/?]+)\/?/, `$1/${freshName()}`);
  const rabbitPlace = async (): Promise<string> => withPlace(await serviceUrl("rabbitmq"), "prefix");
  const lender = async (): Promise<string> => withPlace(await serviceUrl("redis"), "prefix");
  test.each<[string, () => Promise<string>, (() => Promise<string>)?]>([
    ["sqlite", async () => freshPlace().url],
    ["redis", lender],
    ["postgres", async () => withPlace(await serviceUrl("postgres"), "schema")],
    ["rabbitmq with a borrowed ledger", rabbitPlace, lender],
    ["sqs with a borrowed ledger", sqsPlace, lender],
  ])(
    "R55: on %s, exits 1 within 10 s naming a queue whose jobs no worker takes, and 0 once a worker does",
    async (_, url, ledger) => {
      const borrowed = ledger === undefined ? {} : { WAYBILL_LEDGER: await ledger() };
      const env = { ...freshPlace().env, WAYBILL_URL: await url(), ...borrowed };
      const jobs = ["--jobs", fixture("jobs")];
      const other = start(["worker", ...jobs, "--queues", "default"], env);
      await until("the worker is up", () => jsonLines(other.stdout()).some(({ event }) => event === "booted"));
      await waybill(["enqueue", "mail.album_ready", '{"albumId":"a1"}', ...jobs], { env });
      const began = performance.now();
      // It is not told the names of queues.
      const alone = await waybill(["doctor"], { env });
      expect(performance.now() - began).toBeLessThan(10_000);
      expect(alone.stderr).toContain('queue "mailers" has 1 ready and no worker leases them');
      expect(alone.code).toBe(1);
      const taking = start(["worker", ...jobs], env);
      await until("the job is done", () => jsonLines(taking.stdout()).some(({ event }) => event === "settled"));
      expect((await waybill(["doctor"], { env })).stderr).toBe("");
    },
    90_000,
  );

  test("R55: on rabbitmq without a ledger, exits 1 naming a queue of the jobs that no worker takes", async () => {
    const env = { ...freshPlace().env, WAYBILL_URL: withPlace(await serviceUrl("rabbitmq"), "prefix") };
    const jobs = ["--jobs", fixture("jobs")];
    await waybill(["enqueue", "mail.album_ready", '{"albumId":"a1"}', ...jobs], { env });
    const alone = await waybill(["doctor", ...jobs], { env });
    expect(alone.stderr).toContain('queue "mailers" has 1 ready and no worker leases them');
    expect(alone.code).toBe(1);
  });

  test.runIf(process.platform === "linux")("R61: warns of a live worker here that a shell started", async () => {
    const { env } = freshPlace();
    const shell = ["sh", "-c", '"$@"; true', "sh"];
    const worker = start(["worker", "--jobs", fixture("jobs")], env, shell);
    await until("the worker is up", () => linesOf(worker).some(({ event }) => event === "booted"));
    const { stdout, code } = await waybill(["doctor", "--json"], { env });
    expect(jsonLines(stdout).find(({ check }) => check === "host.launch_form")).toMatchObject({
      severity: "warning",
      message: expect.stringContaining("`sh` started the worker"),
      remedy: expect.stringContaining("exec"),
    });
    expect(code).toBe(0);
  });

  test.runIf(process.platform === "linux")("R61: a push that a shell started is named by its own command", async () => {
    const { env } = freshPlace();
    const shell = ["sh", "-c", '"$@"; true', "sh"];
    const push = start(["push", "--unsigned", "--to", "http://127.0.0.1:1/work"], env, shell);
    await until("the push is up", () => linesOf(push).some(({ event }) => event === "booted"));
    const { stdout } = await waybill(["doctor", "--json"], { env });
    expect(jsonLines(stdout).find(({ check }) => check === "host.launch_form")).toMatchObject({
      message: expect.stringContaining("`sh` started `waybill push`"),
      remedy: expect.stringContaining('CMD ["node_modules/.bin/waybill", "push", "--to"'),
    });
  });

  test("a declared queue that no worker leases from is a warning before it has a job", async () => {
    const { env, url } = freshPlace();
    const producer = await connectProducer(url, { log: "off", queues: ["mailers"] });
    await producer.close();
    const { stdout, code } = await waybill(["doctor", "--json"], { env });
    expect(jsonLines(stdout)).toContainEqual(
      expect.objectContaining({
        check: "queues.declared",
        severity: "warning",
        message: expect.stringContaining('"mailers"'),
      }),
    );
    expect(code).toBe(0);
  });

  test("a ledger that cannot be reached is a failure that names it", async () => {
    const env = { ...freshPlace().env, WAYBILL_LEDGER: "redis://me:secret@127.0.0.1:1" };
    const { stderr, code } = await waybill(["doctor"], { env });
    expect(stderr).toContain("the ledger at redis://***@127.0.0.1:1 is unavailable");
    expect(code).toBe(1);
  });

  test("R21: a server outside the range in package.json is named with both versions, and nothing starts on it", async () => {
    const { env, folder } = freshPlace();
    writeFileSync(join(folder, "package.json"), JSON.stringify({ waybill: { services: { sqlite: ">=99" } } }));
    const refused = new RegExp(`sqlite is ${process.versions["sqlite"]}.*">=99"`);
    for (const args of [["doctor"], ["queues"], ["worker", "--jobs", fixture("jobs")]]) {
      const { code, stderr } = await waybill(args, { env, cwd: folder });
      expect(stderr).toMatch(refused);
      expect(code).not.toBe(0);
    }
  });

  test("R63: names a Redis that may evict jobs, even where CONFIG is forbidden, and a strict start is refused", async () => {
    const evicting = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--rename-command", "CONFIG", ""];
    const redis = await startRedis({ args: evicting });
    try {
      const strict = await waybill(["doctor", "--json", "--url", redis.url]);
      expect(strict.code).toBe(1);
      expect(strict.stderr).toContain("allkeys-lru");
      const lenient = await waybill(["doctor", "--json", "--url", `${redis.url}?strict=false`]);
      const found = jsonLines(lenient.stdout).filter(({ severity }) => severity !== undefined && severity !== "ok");
      expect(found.map(({ message }) => String(message)).join()).toContain("allkeys-lru");
    } finally {
      await redis.stop();
    }
  });

  test("R51: notes a kernel that cuts Redis's backlog short, in a network of its own", async ({ skip }) => {
    const isRoot = process.getuid?.() === 0;
    if (!isRoot) skip("only root may make a network namespace");
    const { folder } = freshPlace();
    const inItsOwnNetwork = [
      "ip link set lo up && echo 128 > /proc/sys/net/core/somaxconn",
      `redis-server --port 7001 --bind 127.0.0.1 --save '' --appendonly yes --dir ${folder} --daemonize yes >/dev/null`,
      `until redis-cli -p 7001 ping >/dev/null 2>&1; do sleep 0.1; done`,
      `"$@"; code=$?; redis-cli -p 7001 shutdown nosave; exit $code`,
    ].join("\n");
    const args = ["doctor", "--json", "--url", "redis://127.0.0.1:7001"];
    const { stdout, code } = await start(args, {}, ["unshare", "--net", "sh", "-c", inItsOwnNetwork, "sh"]).ended;
    expect(jsonLines(stdout).find(({ check }) => check === "host.somaxconn")).toMatchObject({
      severity: "note",
      message: "/proc/sys/net/core/somaxconn is 128, Redis asks for 511",
    });
    expect(code).toBe(0);
  });

  test("a backend that refuses to open is a finding beside the settings", async () => {
    const { stdout, code } = await waybill(["doctor", "--json", "--url", "sqlite:/no/such/folder/waybill.db"]);
    expect(code).toBe(1);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ check: "backend.opens", severity: "failure" });
    expect(origins(stdout)["url"]).toBe("sqlite:/no/such/folder/waybill.db (code)");
  });
});
