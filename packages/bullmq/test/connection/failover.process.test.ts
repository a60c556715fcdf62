import { connect, defineJob, type Jobs } from "@waybill/core";
import { startProxy, startRedis } from "@waybill/test-servers";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";

type Server = Awaited<ReturnType<typeof startRedis>>;

async function redis(...args: string[]): Promise<Server & { admin: Redis }> {
  const server = await startRedis({ args });
  const admin = new Redis(server.url);
  admin.on("error", () => undefined);
  onTestFinished(async () => {
    admin.disconnect();
    await server.stop();
  });
  return Object.assign(server, { admin });
}

async function connected(url: string): Promise<Jobs> {
  const jobs = await connect(url, { log: "off" });
  onTestFinished(() => jobs.close());
  return jobs;
}

test("after a failover the old primary is a replica, and producer and worker go on without a restart", async () => {
  const one = await redis();
  const two = await redis("--replicaof", "127.0.0.1", `${one.port}`);
  await expect.poll(() => two.admin.info("replication"), { timeout: 20_000 }).toContain("master_link_status:up");
  // The name that leads to the primary: who connects is led to where it points now, and who is connected stays.
  const name = { port: one.port };
  const wire = await startProxy(name);
  onTestFinished(() => wire.close());
  const ran = new Set<string>();
  const handler = (_payload: unknown, { id }: { readonly id: string }): void => void ran.add(id);
  const job = defineJob({ type: "count.one", handler });
  const [producer, worker] = [await connected(wire.url(one.url)), await connected(wire.url(one.url))];
  await worker.worker({ jobs: [job] }).start();
  const before = await producer.enqueue(job, {});
  await expect.poll(() => ran.has(before.id), { timeout: 10_000 }).toBe(true);
  await one.admin.wait(1, 5_000);

  await two.admin.replicaof("NO", "ONE");
  await one.admin.replicaof("127.0.0.1", two.port);
  // Until the name is changed, the replica refuses everything and says why.
  await expect(producer.enqueue(job, {})).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  name.port = two.port;

  const after = await expect
    .poll(
      () =>
        producer.enqueue(job, {}).then(
          ({ id }) => id,
          () => null,
        ),
      { timeout: 15_000, interval: 50 },
    )
    .not.toBeNull()
    .then(() => producer.enqueue(job, {}));
  await expect.poll(() => ran.has(after.id), { timeout: 15_000 }).toBe(true);
});
