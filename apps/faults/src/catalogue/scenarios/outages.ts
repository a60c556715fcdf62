import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@waybill/core";
import type { Store } from "../../backends.ts";
import { eventually, type Running } from "../../process.ts";
import type { FaultContext } from "../frame/context.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { type Measured, onServers, type Scenario } from "../frame/scenario.ts";

/** Work goes on by itself this soon after the server is back. */
const BACK_WITHIN_MS = 15_000;

/** Prepares an outage. Returns the URL that is struck, and what strikes. */
type Strike = (context: FaultContext, store: Store) => Promise<{ url: string; during: () => Promise<void> }>;

const cut =
  (how: "reset" | "silence"): Strike =>
  async ({ wired, pick }, store) => {
    const { wire, url } = await wired(store);
    return {
      url,
      async during() {
        wire.cut(how);
        await sleep(pick(5_000, 10_000));
        wire.heal();
      },
    };
  };

const outage = (name: string, what: string, strike: Strike, by: Pick<Scenario, "server" | "cut">): Scenario => ({
  name,
  ...by,
  promise: `When ${what} under load, producer and worker go on by themselves within 15 s of its return, and no accepted job is lost.`,
  rows: ["R29"],
  on: onServers,
  duplicates: {
    most: 519,
    why: "an outcome that could not be stored is dropped and its job runs again: the prefetch and the concurrency, less one",
  },
  // drain 1 s, abort 1 s, close 2 s.
  exitLimitMs: 4_000,
  load: "works",
  run: (context) => goOn(context, strike),
});

const restarted: Strike = async ({ server }, { url }) => {
  const struck = await server();
  return { url, during: () => struck.restart() };
};

const killed: Strike = async ({ server, target }, { url }) => {
  const struck = await server();
  return {
    url,
    async during() {
      await sleep(target.ripeMs);
      await struck.kill();
      await sleep(3_000);
      await struck.restart();
    },
  };
};

const SERVER = { server: "own" } as const;
/** In the cut, "one way cuts" has both on PostgreSQL and RabbitMQ. */
const WIRE = { server: "shared", cut: ["bullmq", "sqs"] } as const;

export const outages: readonly Scenario[] = [
  outage("restarted server", "the server is restarted", restarted, SERVER),
  outage("killed server", "the server is killed and away for 3 s", killed, SERVER),
  outage("broken connections", "all connections to the server break, for 10 s", cut("reset"), WIRE),
  outage("silent wire", "no byte reaches the server or comes from it for 10 s", cut("silence"), WIRE),
];

/** Rest of each of a producer's 50 lines in the cut: what piles up in an outage must run as well. */
const REST_OF_CUT_MS = 100;

const settled = (worker: Running): number => worker.lines.filter(({ event }) => event === "settled").length;

async function goOn(context: FaultContext, strike: Strike): Promise<Measured> {
  const { freshStore, started, target, pick } = context;
  const restMs = pick(Math.max(target.restMs, REST_OF_CUT_MS), target.restMs);
  const store = await freshStore();
  const ledger = ledgerIn(store.folder);
  const { url, during } = await strike(context, store);
  const settings = { queues: ["default"], concurrency: 20, lease: "5s" };
  const worker = started("worker", url, ledger.record, JSON.stringify(settings));
  const producer = started("producer", url, ledger.promised, "default", "1000000", "persistent", String(restMs));
  await eventually(() => settled(worker) > 100, "both are at work");
  await during();
  const [ranBefore, promisedBefore] = [settled(worker), ledger.accepted().length];
  await eventually(() => settled(worker) > ranBefore + 20, "the worker goes on", BACK_WITHIN_MS);
  await eventually(() => ledger.accepted().length > promisedBefore + 20, "the producer goes on", BACK_WITHIN_MS);
  producer.kill("SIGKILL");
  await producer.ended;
  const lost = await ledger.settle();
  const asked = performance.now();
  worker.kill("SIGTERM");
  assert.equal(await worker.ended, 0);
  return {
    accepted: ledger.accepted().length,
    lost,
    duplicated: ledger.duplicated(),
    exitsMs: [performance.now() - asked],
    violations: lost.length === 0 ? [] : [`the store still has ${await whereJobsAre(store.url)}`],
  };
}

async function whereJobsAre(url: string): Promise<string> {
  const jobs = await connect(url, { log: "off" });
  const counts = await jobs.inspector?.counts(["default"]);
  const letters = await jobs.inspector?.deadLetters({ limit: 3 });
  await jobs.close();
  return JSON.stringify({ counts, letters: letters?.map(({ id, reason }) => ({ id, code: reason.code })) });
}
