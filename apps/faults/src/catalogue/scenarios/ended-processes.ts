import { setTimeout as sleep } from "node:timers/promises";
import type { JobDefinition } from "@waybill/core";
import { blink, heap, quit, reject } from "../../jobs.ts";
import { eventually } from "../../process.ts";
import type { Deed } from "../../record.ts";
import type { FaultContext } from "../frame/context.ts";
import { type Ledger, ledgerIn } from "../frame/ledger.ts";
import { everywhere, type Measured, type Scenario } from "../frame/scenario.ts";

/** Long enough that a busy machine does not keep a worker from renewing it: what it loses runs again as well. */
const LEASE_MS = 3_000;
const CONCURRENCY = 5;
const PREFETCH = 20;
const JOBS = 200;
/** Each ends one process, unless the process that another one ended had leased it already. */
const ENDERS = 2;

interface Ending {
  readonly name: string;
  readonly how: string;
  readonly job: JobDefinition;
  readonly prefetch: number;
  /** Absent: every backend. */
  readonly cut?: Scenario["cut"];
}

/** How many finished jobs a process may repeat that ends, as docs/guarantees.md has it. */
const mostRepeated = (prefetch: number, concurrency = CONCURRENCY): number =>
  prefetch === 0 ? concurrency - 1 : Math.max(concurrency, prefetch) + concurrency - 1;

const endings: readonly Ending[] = [
  { name: "exit in a handler", how: "a handler calls process.exit", job: quit, prefetch: PREFETCH },
  {
    name: "exit without prefetch",
    how: "a handler calls process.exit",
    job: quit,
    prefetch: 0,
    // On the others, "kill after the effect" ends a worker that prefetches nothing.
    cut: ["sqlite", "rabbitmq"],
  },
  {
    name: "unhandled rejection",
    how: "a rejection is left unhandled",
    job: reject,
    prefetch: PREFETCH,
    cut: ["sqlite"],
  },
  { name: "full heap", how: "a handler fills the heap", job: heap, prefetch: PREFETCH, cut: ["sqlite"] },
];

/** A worker that ends is started again, until all jobs have ended. */
export const endedProcesses: readonly Scenario[] = endings.map((ending) => ({
  name: ending.name,
  promise: `When ${ending.how} and the worker ends, no job is lost, and with a prefetch of ${ending.prefetch} ${mostRepeated(ending.prefetch)} finished jobs run again at most.`,
  rows: [],
  on: everywhere,
  ...(ending.cut !== undefined && { cut: ending.cut }),
  duplicates: {
    most: ENDERS * mostRepeated(ending.prefetch),
    why: `outcomes are stored in batches: the end of each of ${ENDERS} processes repeats those that were not stored yet`,
  },
  load: "waits",
  server: "shared",
  run: (context) => endProcesses(context, ending),
}));

async function endProcesses(context: FaultContext, { job, prefetch }: Ending): Promise<Measured> {
  const { freshStore, connected, startedWith } = context;
  const store = await freshStore();
  const ledger = ledgerIn(store.folder);
  const jobs = await connected(store.url);
  const list = Array.from({ length: JOBS }, (_, n) => ({ job: (n + 1) % 80 === 0 ? job : blink, payload: {} }));
  const ids = (await jobs.enqueueMany(list)).flatMap((result) => (result.ok ? [result.value.id] : []));
  const settings = JSON.stringify({ queues: ["default"], lease: LEASE_MS, concurrency: CONCURRENCY, prefetch });
  const pids: number[] = [];
  for (let isDone = false; !isDone && pids.length < 10;) {
    const worker = startedWith(["--max-old-space-size=64"], "worker", store.url, ledger.record, settings);
    pids.push(worker.pid);
    let hasEnded = false;
    void worker.ended.finally(() => (hasEnded = true));
    await eventually(() => hasEnded || ledger.lost(ids).length === 0, "a worker has ended, or all is done");
    isDone = !hasEnded;
    worker.kill("SIGTERM");
    await worker.ended;
  }
  const deaths = pids.length - 1;
  const most = mostRepeated(prefetch);
  const repeats = pids.map((pid) => repeatedAfter(ledger.deeds("end"), pid));
  return {
    accepted: ids.length,
    lost: ledger.lost(ids),
    duplicated: ledger.duplicated(),
    violations: [
      ...(ids.length === JOBS ? [] : [`${ids.length} of ${JOBS} jobs were stored`]),
      ...(deaths >= 1 && deaths <= ENDERS ? [] : [`${deaths} processes ended, 1 to ${ENDERS} should`]),
      ...repeats.filter((count) => count > most).map((count) => `one process repeated ${count} jobs, ${most} at most`),
    ],
  };
}

/** Jobs that had ended in that process, and ended in a later one too. */
function repeatedAfter(ends: readonly Deed[], pid: number): number {
  const last = ends.findLastIndex((deed) => deed.pid === pid);
  const later = new Set(ends.slice(last + 1).map(({ id }) => id));
  return new Set(ends.filter((deed) => deed.pid === pid && later.has(deed.id)).map(({ id }) => id)).size;
}

/** The defaults of a worker. */
const DEFAULTS = { concurrency: 10, prefetch: 500 };
const MOST_BY_DEFAULT = mostRepeated(DEFAULTS.prefetch, DEFAULTS.concurrency);
const killsIn = (isFull: boolean): number => (isFull ? 10 : 1);

export const killAtDefaults: Scenario = {
  name: "kill at the default prefetch",
  promise: `A worker with the default prefetch that is killed while it runs jobs that do nothing repeats ${MOST_BY_DEFAULT} of them at most.`,
  rows: [],
  on: everywhere,
  cut: ["sqlite", "rabbitmq"],
  duplicates: {
    most: (size) => MOST_BY_DEFAULT * killsIn(size === "full"),
    why: "the larger of concurrency and prefetch, plus the concurrency, less one, for each kill",
  },
  load: "works",
  server: "shared",
  async run({ freshStore, connected, started, pick, random, target }) {
    const kills = pick(killsIn(false), killsIn(true));
    // More than may be repeated after the first 200.
    const most = pick(1_000, 2_000);
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const jobs = await connected(store.url);
    const settings = JSON.stringify({ queues: ["default"], lease: "3s", ...DEFAULTS });
    const ids: string[] = [];
    const pids: number[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      const list = Array.from({ length: target.name === "sqs" ? 600 : most }, () => ({ job: blink, payload: {} }));
      for (const result of await jobs.enqueueMany(list)) if (result.ok) ids.push(result.value.id);
      const worker = started("worker", store.url, ledger.record, settings);
      pids.push(worker.pid);
      await eventually(() => endsOf(ledger, worker.pid) > 200, "the worker is at work");
      await sleep(random() * 100);
      worker.kill("SIGKILL");
      await worker.ended;
    }
    started("worker", store.url, ledger.record, settings);
    const lost = await ledger.settle(ids);
    const repeats = pids.map((pid) => repeatedAfter(ledger.deeds("end"), pid));
    const over = repeats.filter((count) => count > MOST_BY_DEFAULT);
    return {
      accepted: ids.length,
      lost,
      duplicated: ledger.duplicated(),
      violations: over.map((count) => `one process repeated ${count} jobs, ${MOST_BY_DEFAULT} at most`),
    };
  },
};

const endsOf = (ledger: Ledger, pid: number): number => ledger.deeds("end").filter((deed) => deed.pid === pid).length;
