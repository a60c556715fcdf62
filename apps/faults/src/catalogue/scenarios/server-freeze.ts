import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { blink } from "../../jobs.ts";
import { eventually } from "../../process.ts";
import type { FaultContext } from "../frame/context.ts";
import { type Measured, none, onServers, type Scenario } from "../frame/scenario.ts";

export const frozenServer: Scenario = {
  name: "frozen server",
  promise: "A worker whose server is frozen ends within its limits on SIGTERM.",
  rows: ["R39"],
  on: onServers,
  duplicates: none,
  // drain 1 s, abort 1 s, close 2 s.
  exitLimitMs: 4_000,
  load: "waits",
  server: "own",
  async run({ server, freshStore, started }) {
    const frozen = await server();
    const store = await freshStore();
    const settings = JSON.stringify({ queues: ["default"] });
    const worker = started("worker", store.url, join(store.folder, "deeds"), settings);
    await eventually(() => worker.lines.some(({ event }) => event === "booted"), "the worker is up");
    await sleep(500);
    frozen.freeze();
    const asked = performance.now();
    worker.kill("SIGTERM");
    await worker.ended;
    const exitMs = performance.now() - asked;
    frozen.thaw();
    return { accepted: 0, lost: [], duplicated: 0, exitsMs: [exitMs] };
  },
};

const enqueueTo = (how: "frozen" | "gone"): Scenario => ({
  name: `enqueue to a ${how} server`,
  promise: `With the server ${how}, an enqueue rejects within its timeout, and closing does not hang.`,
  rows: [],
  on: onServers,
  duplicates: none,
  load: "waits",
  server: "own",
  run: (context) => enqueue(context, how),
});

export const unreachableServers: readonly Scenario[] = [enqueueTo("frozen"), enqueueTo("gone")];

async function enqueue({ server, freshStore, connected }: FaultContext, how: "frozen" | "gone"): Promise<Measured> {
  const struck = await server();
  const { url } = await freshStore();
  const jobs = await connected(url, { enqueueTimeout: "3s", closeTimeout: "2s" });
  await jobs.enqueue(blink, {});
  await (how === "frozen" ? struck.freeze() : struck.kill());
  const asked = performance.now();
  const refused = jobs.enqueue(blink, {});
  await assert.rejects(refused, (error: { code?: string }) => {
    assert.match(String(error.code), /^(ENQUEUE_UNKNOWN|BACKEND_UNAVAILABLE)$/);
    return true;
  });
  const refusedMs = performance.now() - asked;
  const closing = performance.now();
  await jobs.close();
  const closedMs = performance.now() - closing;
  await (how === "frozen" ? struck.thaw() : struck.restart());
  return {
    accepted: 1,
    lost: [],
    duplicated: 0,
    violations: [
      ...(refusedMs < 4_000 ? [] : [`an enqueue with a timeout of 3 s rejected after ${Math.round(refusedMs)} ms`]),
      ...(closedMs < 3_000 ? [] : [`a close with a timeout of 2 s took ${Math.round(closedMs)} ms`]),
    ],
  };
}
