import { flaky, nap } from "../../jobs.ts";
import { eventually, type Running } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { everywhere, none, type Scenario } from "../frame/scenario.ts";

const LEASE_MS = 2_000;
/** Long enough that a busy machine does not keep a worker from renewing it. */
const LONG_LEASE_MS = 4_000;

export const longJobs: Scenario = {
  name: "jobs longer than their lease",
  promise: "A job that runs for two leases and a half runs once, while other workers wait for jobs.",
  rows: [],
  on: everywhere,
  cut: ["sqlite", "sqs"],
  duplicates: none,
  load: "waits",
  server: "shared",
  async run({ freshStore, connected, started }) {
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const jobs = await connected(store.url);
    const settings = JSON.stringify({
      queues: ["default"],
      concurrency: 4,
      lease: LONG_LEASE_MS,
      ms: 2.5 * LONG_LEASE_MS,
    });
    const workers = [1, 2].map(() => started("worker", store.url, ledger.record, settings));
    await eventually(() => workers.every(isUp), "both workers are up");
    const ids = await Promise.all([1, 2, 3].map(async () => (await jobs.enqueue(nap, {})).id));
    const lost = await ledger.settle(ids);
    const starts = ledger.deeds("start");
    const again = starts.filter(({ id }, at) => starts.findIndex((one) => one.id === id) !== at);
    return {
      accepted: ids.length,
      lost,
      duplicated: ledger.duplicated(),
      violations: again.map(({ id }) => `${id} was started twice`),
    };
  },
};

export const failedAttempts: Scenario = {
  name: "failed attempts",
  promise: "Jobs whose first attempt fails run again, also when their workers are killed meanwhile.",
  rows: [],
  on: everywhere,
  cut: ["sqlite", "sqs"],
  duplicates: { most: 24, why: "what had ended and was not stored when a worker was killed runs again" },
  load: "waits",
  server: "shared",
  async run({ freshStore, connected, started, pick }) {
    const count = pick(30, 300);
    const store = await freshStore();
    const ledger = ledgerIn(store.folder);
    const jobs = await connected(store.url);
    const settings = { queues: ["default"], concurrency: 5, prefetch: 0, lease: LEASE_MS, ms: 50 };
    const work = (): Running => started("worker", store.url, ledger.record, JSON.stringify(settings));
    const items = Array.from({ length: count }, () => ({ job: flaky, payload: {} }));
    const ids = (await jobs.enqueueMany(items)).flatMap((result) => (result.ok ? [result.value.id] : []));
    const victims = [work(), work()];
    // Of one: the other may start so late that nothing is left for it.
    const hasFailed = ({ lines }: Running): boolean =>
      lines.some(({ event, outcome }) => outcome === "retry" || event === "lease_lost");
    await eventually(() => victims.some(hasFailed), "an attempt has failed");
    for (const victim of victims) victim.kill("SIGKILL");
    work();
    const lost = await ledger.settle(ids);
    const odd = ledger.deeds("end").filter(({ attempt }) => attempt !== 2);
    return {
      accepted: ids.length,
      lost,
      duplicated: ledger.duplicated(),
      violations: odd.map(({ id, attempt }) => `${id} ended as attempt ${attempt}`),
    };
  },
};

const isUp = ({ lines }: Running): boolean => lines.some(({ event }) => event === "booted");
