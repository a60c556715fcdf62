import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, defineJob, handlerFor, type Jobs } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { describe, expect, type TestContext, test } from "vitest";

const name = `flows${crypto.randomUUID().slice(0, 8)}`;
const urls: Readonly<Record<string, (context: TestContext) => Promise<string>>> = {
  sqlite: async ({ onTestFinished }) => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-flows-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return `sqlite:${join(folder, "jobs.db")}`;
  },
  postgres: async () => `${await serviceUrl("postgres")}?schema=${name}`,
  redis: async () => `${await serviceUrl("redis")}?prefix=${name}`,
};
const step = defineJob({ type: "step" });

const endOf = (jobs: Jobs, id: string): Promise<string> =>
  new Promise((resolve) => jobs.events.on("flow_ended", ({ flow, state }) => void (flow === id && resolve(state))));

describe.concurrent.each(Object.keys(urls))("a flow on %s", { timeout: 60_000 }, (backend) => {
  test("whose start is killed while it enqueues is brought to its end by a worker, and one that is cancelled ends when its last running member has", async (context) => {
    const url = (await urls[backend]?.(context)) ?? "";
    const jobs = await connect(url, { log: "off" });
    context.onTestFinished(() => jobs.close());
    const killed = crypto.randomUUID();
    const flags = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning"];
    const program = join(import.meta.dirname, "children/starts-flow.ts");
    const child = spawn(process.execPath, [...flags, program, url, "enqueue", "killed", killed], { stdio: "inherit" });
    expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    const isBrought = endOf(jobs, killed);
    const runs = new Map<string, number>();
    const counted = handlerFor(step, (_payload, { id }) => void runs.set(id, (runs.get(id) ?? 0) + 1));
    await jobs.worker({ jobs: [counted], queues: ["killed"] }).start();

    let started = (): void => {};
    let end = (): void => {};
    const isStarted = new Promise<void>((resolve) => (started = resolve));
    const mayEnd = new Promise<void>((resolve) => (end = resolve));
    const held = handlerFor(step, () => (started(), mayEnd));
    const flow = jobs.flow("album");
    const first = flow.add(step, {}, { queue: "held" });
    flow.add(step, {}, { queue: "held", after: first });
    const { id } = await flow.start();
    const isCancelled = endOf(jobs, id);
    await jobs.worker({ jobs: [held], queues: ["held"] }).start();
    await isStarted;
    await jobs.flows.cancel(id);
    const cancelled = await jobs.flows.get(id);
    expect(cancelled?.members.map(({ state }) => state)).toEqual(["enqueued", "cancelled"]);
    // Its first member still runs.
    expect(cancelled).toMatchObject({ state: "cancelled", endedAt: null });
    end();
    expect(await isCancelled).toBe("cancelled");
    const ended = await jobs.flows.get(id);
    expect(ended?.members.map(({ state }) => state)).toEqual(["completed", "cancelled"]);
    expect(ended?.endedAt).not.toBeNull();

    expect(await isBrought).toBe("completed");
    expect([runs.size, new Set(runs.values())]).toEqual([61, new Set([1])]);
  });
});
