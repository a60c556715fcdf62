import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, defineJob, isWaybillError, type Jobs } from "@waybill/core";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { fromUrl } from "../../src/index.ts";

const PORT = 6_379;
const TAG = process.pid.toString(36);
/** Another one for each run. */
const NET = `10.${150 + (process.pid % 100)}`;

/** Runs `ip` and fails with what it says. */
function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}

/** Two machines: networks that this one reaches, joined by a link of their own, over which one Redis replicates the other. */
interface Machine {
  readonly network: string;
  /** Where this process reaches it. */
  readonly address: string;
  /** Where the other machine reaches it. */
  readonly between: string;
}

/** The kernel drops what is sent over a new link until it has seen its carrier, and TCP then waits for seconds. */
const isUp = (network: string, device: string): boolean =>
  spawnSync("ip", ["-n", network, "link", "show", device], { encoding: "utf8" }).stdout.includes("state UP");

async function machines(number: number): Promise<readonly [Machine, Machine]> {
  const make = (name: "a" | "b", octet: number): Machine => {
    const network = `wb${TAG}${number}${name}`;
    ip("netns", "add", network);
    onTestFinished(() => void spawnSync("ip", ["netns", "delete", network]));
    const [host, guest] = [`${NET}.${octet}.1`, `${NET}.${octet}.2`];
    ip("link", "add", `${network}h`, "type", "veth", "peer", "name", "host", "netns", network);
    // A network may outlive its name for long, and with it the route to its address.
    onTestFinished(() => void spawnSync("ip", ["link", "delete", `${network}h`]));
    ip("addr", "add", `${host}/30`, "dev", `${network}h`);
    ip("link", "set", `${network}h`, "up");
    ip("-n", network, "addr", "add", `${guest}/30`, "dev", "host");
    for (const device of ["lo", "host"]) ip("-n", network, "link", "set", device, "up");
    return { network, address: guest, between: `${NET}.9.${name === "a" ? 1 : 2}` };
  };
  const both = [make("a", 2 * number + 10), make("b", 2 * number + 11)] as const;
  const [{ network: a }, { network: b }] = both;
  ip("-n", a, "link", "add", "between", "type", "veth", "peer", "name", "between", "netns", b);
  for (const { network, between } of both) {
    ip("-n", network, "addr", "add", `${between}/30`, "dev", "between");
    ip("-n", network, "link", "set", "between", "up");
  }
  await allUp(both);
  return both;
}

const allUp = (both: readonly Machine[]): Promise<void> =>
  expect
    .poll(() => both.every(({ network }) => isUp(network, "host") && isUp(network, "between")), { timeout: 20_000 })
    .toBe(true);

interface Server {
  readonly url: string;
  readonly admin: Redis;
  kill(): Promise<void>;
}

async function redisOn({ network, address }: Machine, ...more: readonly string[]): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "waybill-failover-"));
  const args = ["--port", `${PORT}`, "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", folder];
  const kept = ["--appendonly", "yes", "--save", "", "--repl-diskless-sync-delay", "0"];
  const command = ["netns", "exec", network, "redis-server", ...args, ...kept, ...more];
  const child = spawn("ip", command, { stdio: "ignore" });
  const ended = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  const url = `redis://${address}:${PORT}`;
  const admin = new Redis(url, { retryStrategy: () => 100, maxRetriesPerRequest: null });
  admin.on("error", () => undefined);
  onTestFinished(async () => {
    admin.disconnect();
    await kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await admin.ping();
  return { url, admin, kill };
}

/** Waits until `server` has a replica that receives its writes. */
const replicated = ({ admin }: Server): Promise<void> =>
  expect.poll(() => admin.info("replication"), { timeout: 20_000 }).toMatch(/slave0:.*state=online/);

/** A primary, its replica, and one job that was accepted while they were joined. */
async function primaryAndReplica(number: number) {
  const [a, b] = await machines(number);
  const primary = await redisOn(a);
  const replica = await redisOn(b, "--replicaof", a.between, `${PORT}`);
  await replicated(primary);
  return {
    primary,
    replica,
    cut: () => ip("-n", a.network, "link", "set", "between", "down"),
    /** Kills the primary and promotes the replica. */
    async failOver() {
      await primary.kill();
      await replica.admin.replicaof("NO", "ONE");
    },
    /** Joins the machines again; the old primary returns, empty, as the replica of the new one. */
    async rejoin() {
      ip("-n", a.network, "link", "set", "between", "up");
      await allUp([a, b]);
      await redisOn(a, "--replicaof", b.between, `${PORT}`);
      await replicated(replica);
    },
  };
}

const ran = new Set<number>();
const count = defineJob({ type: "test.count", handler: (payload) => void ran.add((payload as { n: number }).n) });

async function connected(url: string): Promise<Jobs> {
  const jobs = await connect(fromUrl(url), { log: "off" });
  onTestFinished(() => jobs.close());
  return jobs;
}

/** The numbers that were accepted, and the codes and ids of the refusals. */
async function add(jobs: Jobs, from: number, to: number) {
  const accepted: number[] = [];
  const refused: { code: string; id: string; n: number }[] = [];
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  const one = async (n: number): Promise<void> => {
    try {
      await jobs.enqueue(count, { n });
      accepted.push(n);
    } catch (thrown) {
      if (!isWaybillError(thrown, "NOT_REPLICATED")) throw thrown;
      refused.push({ code: thrown.code, id: thrown.id, n });
    }
  };
  await Promise.all(numbers.map(one));
  return { accepted, refused };
}

describe.runIf(process.platform === "linux")("R17: a primary that is cut off from its replica and killed", () => {
  test("R17: the default mode loses the jobs that it accepted meanwhile; a lost ack only runs its job again", async ({
    skip,
  }) => {
    if (process.getuid?.() !== 0) skip("only root may make a network namespace");
    const { primary, replica, cut, failOver } = await primaryAndReplica(0);
    const before = await connected(primary.url);
    expect((await add(before, 0, 1)).accepted).toEqual([0]);
    await expect.poll(() => replica.admin.keys("waybill:default:*-*"), { timeout: 20_000 }).toHaveLength(1);
    cut();
    ran.clear();
    const worker = before.worker({ jobs: [count], lease: "2s" });
    await worker.start();
    await expect.poll(async () => await before.inspector?.counts(["default"]), { timeout: 20_000 }).toEqual([]);
    expect([...ran]).toEqual([0]);
    await worker.stop();
    expect((await add(before, 1, 201)).accepted).toHaveLength(200);
    await failOver();

    const after = await connected(replica.url);
    expect(await after.inspector?.counts(["default"])).toMatchObject([{ queue: "default", ready: 1 }]);
    expect((await add(after, 201, 202)).accepted).toEqual([201]);
    ran.clear();
    await after.worker({ jobs: [count], lease: "2s" }).start();
    await expect.poll(() => [...ran].toSorted(), { timeout: 20_000 }).toEqual([0, 201]);
  }, 120_000);

  test("R17: ack=replicated rejects each of them, loses none that it accepted, and the same ids are one job", async ({
    skip,
  }) => {
    if (process.getuid?.() !== 0) skip("only root may make a network namespace");
    const { primary, replica, cut, failOver, rejoin } = await primaryAndReplica(1);
    const mode = "ack=replicated&replicas=1";
    const before = await connected(`${primary.url}?${mode}&replicaWaitMs=20000`);
    const { accepted } = await add(before, 0, 50);
    expect(accepted).toHaveLength(50);
    const impatient = await connected(`${primary.url}?${mode}&replicaWaitMs=300`);
    cut();
    const { accepted: more, refused } = await add(impatient, 50, 250);
    expect(more).toEqual([]);
    expect(refused).toHaveLength(200);

    // On a connection that has written nothing, to a primary that knows the job.
    const other = await connected(`${primary.url}?${mode}&replicaWaitMs=300`);
    const [first] = refused as [(typeof refused)[number]];
    await expect(other.enqueue(count, { n: first.n }, { id: first.id })).rejects.toThrow("of 1 replicas confirmed");
    await failOver();

    const without = await connected(replica.url);
    expect(await without.inspector?.counts(["default"])).toMatchObject([{ queue: "default", ready: 50 }]);
    await rejoin();
    const after = await connected(`${replica.url}?${mode}&replicaWaitMs=20000`);
    await Promise.all(refused.map(({ n, id }) => after.enqueue(count, { n }, { id })));
    ran.clear();
    await after.worker({ jobs: [count], concurrency: 20 }).start();
    await expect.poll(() => ran.size, { timeout: 20_000 }).toBe(250);
  }, 120_000);
});
