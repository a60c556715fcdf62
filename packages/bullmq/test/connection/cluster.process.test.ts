import { spawn } from "node:child_process";
import { once } from "node:events";
import { contractCases, runCase, type Subject } from "@waybill/backend-contract";
import { startRedis } from "@waybill/test-servers";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { bullmqBackend } from "../../src/index.ts";
import { freshPrefix } from "../redis.ts";

type Node = Awaited<ReturnType<typeof startRedis>>;

const nodes: Node[] = [];
let cluster: Cluster;

const SLOTS = 16_384;

beforeAll(async () => {
  nodes.push(...(await Promise.all([1, 2, 3].map(() => startRedis({ cluster: true })))));
  cluster = new Cluster(
    nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
    { lazyConnect: true },
  );
  await form(nodes);
  await cluster.connect();
});

afterAll(async () => {
  cluster.disconnect();
  await Promise.all(nodes.map((node) => node.stop()));
});

/** Gives each node a third of the slots and introduces it to the first. Resolves once all nodes know all slots. */
async function form([first, ...others]: readonly Node[]): Promise<void> {
  const all = [first, ...others].map((node) => new Redis(node?.url ?? ""));
  const [, busPort = ""] = ((await all[0]?.config("GET", "cluster-port")) ?? []) as readonly string[];
  for (const [at, client] of all.entries()) {
    const [from, to] = [at, at + 1].map((part) => Math.floor((part * SLOTS) / all.length)) as [number, number];
    await client.call("CLUSTER", "ADDSLOTSRANGE", String(from), String(to - 1));
    if (at > 0) await client.call("CLUSTER", "MEET", "127.0.0.1", String(first?.port), busPort);
  }
  const isFormed = async (): Promise<boolean> => {
    const states = await Promise.all(all.map((client) => client.call("CLUSTER", "INFO")));
    return states.every((text) => /cluster_state:ok[\s\S]*cluster_slots_assigned:16384/.test(String(text)));
  };
  await vi.waitUntil(isFormed, { timeout: 20_000, interval: 50 });
  for (const client of all) client.disconnect();
}

/** Those whose keys a cluster could tear apart, and that wait for nothing. */
const SUBJECTS: ReadonlySet<Subject> = new Set([
  "identity",
  "replay",
  "inspect",
  "inbox",
  "worker registry",
  "ledger",
  "unique",
  "control",
]);

describe("on a Redis Cluster of three nodes, queues of all of them keep the contract", () => {
  for (const rule of contractCases.filter(({ subject }) => SUBJECTS.has(subject))) {
    test(`${rule.subject}: ${rule.name}`, async ({ skip }) => {
      const prefix = `{${freshPrefix()}}`;
      const factory = bullmqBackend({ url: nodes[0]?.url ?? "", cluster: true, prefix });
      const result = await runCase(rule, {
        fresh: async () => ({
          open: factory,
          arrive: async ({ queue, body }) => void (await cluster.lpush(`${prefix}:inbox:${queue}`, body)),
        }),
      });
      if (result.kind === "skipped") skip(result.reason);
      expect(result).toEqual({ kind: "passed" });
    });
  }

  test("and every node holds some", async () => {
    const sizes = await Promise.all(cluster.nodes("master").map((node) => node.dbsize()));
    expect(sizes).toHaveLength(3);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });
});

test("on a Redis Cluster, a script that forgets close() ends by itself", async () => {
  const script = `
    import { connect, defineJob } from "@waybill/core";
    import { bullmqBackend } from "@waybill/bullmq";
    const note = defineJob({ type: "note", handler() {} });
    const backend = bullmqBackend({ url: process.argv[1], cluster: true, prefix: "{unclosed}" });
    const jobs = await connect(backend, { log: "off" });
    console.log((await jobs.enqueue(note, {})).stored);
  `;
  const flags = ["--conditions=waybill-source", "--input-type=module", "--eval", script];
  const child = spawn(process.execPath, [...flags, nodes[0]?.url ?? ""], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const limit = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(limit);
  expect([code, output.trim()]).toEqual([0, "true"]);
});
