import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type JobDefinition } from "@waybill/core";
import { expect, test } from "vitest";
import { targets } from "../src/backends.ts";
import { block, grind, nap } from "../src/jobs.ts";
import { eventually, type Running } from "../src/process.ts";
import { type Deed, readDeeds } from "../src/record.ts";
import { freshStore, serverOf, started, wired } from "./stores.ts";

const LEASE_MS = 2_000;
/** Beyond the lease, and beyond the three heartbeats of a second after which RabbitMQ has dropped a connection. */
const STILL_MS = 4_500;
/** A grind, ten of these, is longer than the lease: one that is not aborted overlaps. */
const NAP_MS = 300;
const GRINDS = 6;
/** Some end before the worker stands still, some while it is cut off, some as it goes on. */
const NAPS = 48;
const BLOCKS = 2;
/** SQS hides a message for whole seconds, and one more. */
const AFTER_LEASE_MS = 2_000;
/** For one turn of the event loop on a busy machine. */
const TURN_MS = 500;

const ways = ["frozen", "blocked", "cut"] as const;
type Way = (typeof ways)[number];

/**
 * One worker is stopped by a signal, one is blocked by a handler, one is cut off from its server, each in the middle of
 * its jobs and for longer than its lease; a fourth takes over. The ledger is what the processes say, kept outside of them.
 */
export function standsStill(name: string): void {
  const target = targets.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no backend is called "${name}"`);
  test(`on ${name}, a worker that is frozen, blocked or cut off beyond its lease: no job is settled twice, none is lost, and no handler goes on beside another's`, async () => {
    const store = await freshStore(target);
    const records = new Map(ways.map((way) => [way, join(store.folder, way)] as const));
    const wire = (await serverOf(target)) === null ? null : await wired(target, store);
    const tried = ways.filter((way) => way !== "cut" || wire !== null);
    const settings = { lease: LEASE_MS, drain: "10s" };
    const jobs = await connect(store.url, { log: "off" });
    const load = (way: Way): JobDefinition[] =>
      way === "blocked"
        ? Array<JobDefinition>(BLOCKS).fill(block)
        : [...Array<JobDefinition>(GRINDS).fill(grind), ...Array<JobDefinition>(NAPS).fill(nap)];
    const total = tried.reduce((sum, way) => sum + load(way).length, 0);
    for (const way of tried) for (const job of load(way)) await jobs.enqueue(job, {}, { queue: way });
    const victimOf = (way: Way): Running =>
      started(
        "worker",
        way === "cut" && wire !== null ? wire.url : store.url,
        records.get(way) ?? "",
        JSON.stringify({
          ...settings,
          queues: [way],
          // One block is stored while the next one holds the event loop.
          concurrency: way === "blocked" ? 1 : 2 * GRINDS,
          ms: way === "blocked" ? STILL_MS : NAP_MS,
        }),
      );
    const victims = new Map(tried.map((way) => [way, victimOf(way)] as const));
    const deeds = (way: Way): Deed[] => readDeeds(records.get(way) ?? "");
    const isAtWork = (way: Way): boolean =>
      way === "blocked" ? deeds(way).length > 0 : ids(deeds(way), "end").length >= GRINDS;
    await Promise.all(tried.map((way) => eventually(() => isAtWork(way), `the ${way} worker is at work`)));
    victims.get("frozen")?.kill("SIGSTOP");
    wire?.wire.cut("silence");
    const rescuers = tried.map((way) =>
      started(
        "worker",
        store.url,
        records.get(way) ?? "",
        JSON.stringify({ ...settings, queues: [way], concurrency: 2 * GRINDS, ms: 10 }),
      ),
    );
    await sleep(STILL_MS);
    victims.get("frozen")?.kill("SIGCONT");
    wire?.wire.heal();
    const healedAt = Date.now();

    const everyone = [...victims.values(), ...rescuers];
    const settled = (): string[] =>
      everyone.flatMap(({ lines }) =>
        lines
          .filter(({ event, outcome }) => event === "settled" && outcome === "completed")
          .map(({ id }) => String(id)),
      );
    await end([...victims.values()]);
    // What is not settled by now comes again when its lease has ended: to the rescuers.
    await sleep(LEASE_MS + AFTER_LEASE_MS);
    await end(rescuers);

    const ran = new Set(tried.flatMap((way) => ids(deeds(way), "end")));
    expect(ran.size, "every job has run").toBe(total);
    const twice = settled().filter((id, index, list) => list.indexOf(id) !== index);
    // A worker that is cut off is never suspended, so it has no turn to spare. One that blocks cannot notice that its lease has ended.
    const from = { frozen: healedAt + TURN_MS, blocked: Infinity, cut: 0 };
    const beside = tried.flatMap((way) => overlaps(deeds(way), victims.get(way)?.pid ?? 0, from[way]));
    process.stdout.write(
      `${name}: ${settled().length} of ${total} settled, ${twice.length} twice, ${beside.length} handlers beside another's\n`,
    );
    expect(twice).toEqual([]);
    expect(beside).toEqual([]);
    await jobs.close();
  });
}

async function end(workers: readonly Running[]): Promise<void> {
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(workers.map(({ ended }) => ended));
}

const ids = (deeds: readonly Deed[], what: Deed["what"]): string[] =>
  deeds.filter((deed) => deed.what === what).map(({ id }) => id);

/** Jobs whose handler in that process came to its end, past `from`, after another process had started it. */
function overlaps(deeds: readonly Deed[], pid: number, from: number): string[] {
  const elsewhere = new Map(
    deeds.filter((deed) => deed.what === "start" && deed.pid !== pid).map(({ id, at }) => [id, at] as const),
  );
  return deeds
    .filter((deed) => deed.what === "end" && deed.pid === pid && deed.at > from)
    .filter(({ id, at }) => (elsewhere.get(id) ?? Infinity) < at)
    .map(({ id }) => id);
}
