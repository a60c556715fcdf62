import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobDefinition } from "@waybill/core";
import { block, grind, nap } from "../../jobs.ts";
import { eventually, type Running } from "../../process.ts";
import { type Deed, readDeeds } from "../../record.ts";
import type { FaultContext } from "../frame/context.ts";
import { timesMoreThanOnce } from "../frame/ledger.ts";
import { everywhere, type Measured, onServers, type Scenario } from "../frame/scenario.ts";

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

type Way = "frozen" | "blocked" | "cut off";

const standstill = (way: Way, how: string): Scenario => ({
  name: `${way} worker`,
  promise: `A worker that ${how} for longer than its lease in the middle of its jobs and comes back: no job is settled twice, none is lost, and no handler goes on beside another's.`,
  rows: [],
  on: way === "cut off" ? onServers : everywhere,
  duplicates: {
    most: way === "blocked" ? BLOCKS : NAPS + GRINDS,
    why: "what had ended and was not stored when the worker stood still runs again; it is settled once",
  },
  load: "waits",
  server: "shared",
  run: (context) => standStill(context, way),
});

export const standstills: readonly Scenario[] = [
  standstill("frozen", "is stopped by a signal"),
  standstill("blocked", "is blocked by a handler"),
  standstill("cut off", "reaches its server no more"),
];

async function standStill(context: FaultContext, way: Way): Promise<Measured> {
  const store = await context.freshStore();
  const record = join(store.folder, "deeds");
  const cut = way === "cut off" ? await context.wired(store) : null;
  const jobs = await context.connected(store.url);
  const ids: string[] = [];
  for (const job of loadOf(way)) ids.push((await jobs.enqueue(job, {})).id);
  const settings = { queues: ["default"], lease: LEASE_MS, drain: "10s" };
  const victim = context.started(
    "worker",
    cut?.url ?? store.url,
    record,
    JSON.stringify({
      ...settings,
      // One block is stored while the next one holds the event loop.
      concurrency: way === "blocked" ? 1 : 2 * GRINDS,
      ms: way === "blocked" ? STILL_MS : NAP_MS,
    }),
  );
  await eventually(() => {
    const deeds = readDeeds(record);
    return way === "blocked" ? deeds.length > 0 : endsIn(deeds).length >= GRINDS;
  }, "the worker is at work");
  if (way === "frozen") victim.kill("SIGSTOP");
  cut?.wire.cut("silence");
  const rescue = JSON.stringify({ ...settings, concurrency: 2 * GRINDS, ms: 10 });
  const rescuer = context.started("worker", store.url, record, rescue);
  await sleep(STILL_MS);
  if (way === "frozen") victim.kill("SIGCONT");
  cut?.wire.heal();
  const healedAt = Date.now();
  await end(victim);
  const isDone = (): boolean => new Set(endsIn(readDeeds(record))).size === ids.length;
  await eventually(isDone, "every job has run", 60_000).catch(() => null);
  // What is not settled by now comes again when its lease has ended: to the rescuer.
  await sleep(LEASE_MS + AFTER_LEASE_MS);
  await end(rescuer);

  const deeds = readDeeds(record);
  const ran = new Set(endsIn(deeds));
  // A release by a copy stores it before it removes the message. If the lease ends between the two steps, as on a machine without a
  // processor to spare, the job is there twice, and each of the two is settled once: the copy counts one release more.
  const messageOf = ({ id, attempt, releases }: Running["lines"][number]): string =>
    context.target.uniqueIds ? String(id) : `${String(id)} ${String(attempt)} ${String(releases)}`;
  const settled = [victim, rescuer].flatMap(({ lines }) =>
    lines.filter(({ event, outcome }) => event === "settled" && outcome === "completed").map(messageOf),
  );
  const twice = timesMoreThanOnce(settled);
  // A worker that is cut off is never suspended, so it has no turn to spare. One that blocks cannot notice that its lease has ended.
  const from = { frozen: healedAt + TURN_MS, blocked: Infinity, "cut off": 0 }[way];
  const beside = overlaps(deeds, victim.pid, from);
  return {
    accepted: ids.length,
    lost: ids.filter((id) => !ran.has(id)),
    duplicated: timesMoreThanOnce(endsIn(deeds)),
    violations: [
      ...(twice === 0 ? [] : [`${twice} jobs were settled twice`]),
      ...(beside.length === 0 ? [] : [`handlers went on beside another's: ${beside.join(", ")}`]),
    ],
  };
}

const loadOf = (way: Way): JobDefinition[] =>
  way === "blocked"
    ? Array<JobDefinition>(BLOCKS).fill(block)
    : [...Array<JobDefinition>(GRINDS).fill(grind), ...Array<JobDefinition>(NAPS).fill(nap)];

async function end(worker: Running): Promise<void> {
  worker.kill("SIGTERM");
  await worker.ended;
}

const endsIn = (deeds: readonly Deed[]): string[] => deeds.filter(({ what }) => what === "end").map(({ id }) => id);

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
