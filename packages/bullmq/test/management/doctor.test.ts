import type { Finding } from "@waybill/core";
import { startRedis, type TestServer } from "@waybill/test-servers";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { type BullmqBackend } from "../../src/index.ts";
import { open, redisClient } from "../redis.ts";

async function redis(options: Parameters<typeof startRedis>[0] = {}): Promise<TestServer> {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

async function found(backend: BullmqBackend, check: string): Promise<Finding | undefined> {
  return (await backend.doctor.checks()).find((finding) => finding.check === check);
}

test("a server of its own has no warning, and what it cannot promise is a note", async () => {
  const backend = await open();
  const findings = await backend.doctor.checks();
  expect(findings.filter(({ severity }) => !["ok", "note"].includes(severity))).toEqual([]);
  expect(await found(backend, "redis.replication")).toMatchObject({ severity: "note" });
  expect(await found(backend, "redis.fsync")).toMatchObject({ message: expect.stringContaining("everysec") });
  expect(await found(backend, "redis.clock")).toMatchObject({ severity: "ok" });
});

test("R17: names what a failover would lose: by default, without a current replica, and with a primary that is alone", async () => {
  const primary = await redis();
  const replicated = await open({ url: primary.url, ack: "replicated" });
  expect(await found(replicated, "redis.replication")).toMatchObject({
    severity: "failure",
    message: expect.stringContaining("each enqueue is NOT_REPLICATED"),
  });
  const replica = await redis({ args: ["--replicaof", "127.0.0.1", `${primary.port}`] });
  await expect
    .poll(() => found(replicated, "redis.replication"), { timeout: 20_000 })
    .toMatchObject({ severity: "ok" });
  const byDefault = await open({ url: primary.url });
  expect(await found(byDefault, "redis.replication")).toMatchObject({
    severity: "warning",
    message: expect.stringContaining("a failover loses the jobs of the last moments"),
    remedy: "add ack=replicated to the URL",
  });
  expect(await found(byDefault, "redis.min_replicas")).toMatchObject({ severity: "note" });
  await (await redisClient(primary.url)).config("SET", "min-replicas-to-write", "1");
  expect(await found(byDefault, "redis.min_replicas")).toMatchObject({ severity: "ok" });
  replica.freeze();
  await expect.poll(() => found(replicated, "redis.lag"), { timeout: 20_000 }).toMatchObject({ severity: "warning" });
  expect(await found(replicated, "redis.replication")).toMatchObject({ severity: "failure" });
  replica.thaw();
}, 60_000);

test("connections near maxclients, and writes that are not synced, are warnings", async () => {
  const { url } = await redis({ args: ["--maxclients", "10", "--appendfsync", "no"] });
  const backend = await open({ url });
  expect(await found(backend, "redis.connections")).toMatchObject({ severity: "ok" });
  const others = Array.from({ length: 8 }, () => new Redis(url));
  await Promise.all(others.map((other) => other.ping()));
  expect(await found(backend, "redis.connections")).toMatchObject({
    severity: "warning",
    message: expect.stringContaining("of maxclients 10"),
  });
  for (const other of others) other.disconnect();
  expect(await found(backend, "redis.fsync")).toMatchObject({ severity: "warning" });
});

test("what CONFIG alone tells is left out where it is forbidden", async () => {
  const { url } = await redis({ args: ["--rename-command", "CONFIG", ""] });
  const backend = await open({ url });
  expect(await found(backend, "redis.fsync")).toBeUndefined();
  expect(await found(backend, "redis.persistence")).toMatchObject({ severity: "ok" });
});

test("a cluster that does not serve every slot is a failure", async () => {
  const { url } = await redis({ cluster: true });
  const admin = await redisClient(url);
  await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await expect.poll(() => admin.call("CLUSTER", "INFO"), { timeout: 10_000 }).toContain("cluster_state:ok");
  const backend = await open({ url, cluster: true, prefix: "{waybill}" });
  expect(await found(backend, "redis.cluster_state")).toMatchObject({ severity: "ok" });
  await admin.call("CLUSTER", "DELSLOTS", "1");
  await expect
    .poll(() => found(backend, "redis.cluster_state"), { timeout: 10_000 })
    .toMatchObject({ severity: "failure", message: expect.stringContaining("cluster_state is fail") });
});
