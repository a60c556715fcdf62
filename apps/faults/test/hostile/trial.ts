import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, type Jobs } from "@waybill/core";
import type { TestServer } from "@waybill/test-servers";
import type { FaultTarget, Store } from "../../src/backends.ts";
import { seeded } from "../../src/random.ts";
import { failDriver } from "./driver-faults.ts";
import { strangerOf } from "./records.ts";
import { type RandomThrown, throwInReceiver, throwInWorker } from "./thrown.ts";
import { createGate, tryListings, watchProcess } from "./watch.ts";

const CONCURRENCY = 20;

export type Server = Pick<TestServer, "url" | "port">;

/** How much of each is tried. */
export interface HostileCases {
  /** Thrown values in a worker, and in a receiver. */
  readonly worker: number;
  readonly receiver: number;
  readonly records: number;
  readonly driverErrors: number;
}

export interface HostileTrial {
  /** What does not hold, one sentence each. */
  readonly faults: readonly string[];
  /** What was done, in words. */
  readonly said: string;
}

/** Runs everything hostile against one backend: first what is thrown, then what is stored, then what drivers meet. */
export async function tryHostile(
  target: FaultTarget,
  server: Server | null,
  storeOf: (name: string) => Store,
  randomThrown: RandomThrown,
  seed: number,
  cases: HostileCases,
  progress: (line: string) => void = () => undefined,
): Promise<HostileTrial> {
  const watch = watchProcess();
  const faults: string[] = [];
  const said: string[] = [];
  async function phase(name: string, work: () => Promise<{ faults: readonly string[]; said: string }>): Promise<void> {
    const startedAt = performance.now();
    progress(name);
    try {
      const done = await work();
      faults.push(...done.faults);
      said.push(`${done.said} in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
    } catch (error) {
      faults.push(`${name}: ${(error as Error).stack ?? String(error)}`);
    }
  }

  await phase("thrown values", async () => {
    const store = storeOf("thrown");
    const jobs = await connect(store.url, { log: "off" });
    const wrong = await throwInWorker(jobs, randomThrown, seed, cases.worker);
    const { faults: blind, dead } = await tryListings(jobs, store.url);
    const letters = (await jobs.inspector?.deadLetters({ limit: dead + 1 })) ?? [];
    const long = letters.filter(({ reason }) => reason.message.length > 2_000).length;
    if (long > 0) blind.push(`${long} dead letters have a reason of over 2,000 characters`);
    const kept = Math.ceil(cases.worker / 50);
    if (dead < kept) blind.push(`${kept} throwing jobs are to be kept, ${dead} are`);
    await jobs.close();
    return { faults: [...wrong, ...blind], said: `${cases.worker} thrown in a worker, ${dead} kept` };
  });
  await phase("pushed", async () => ({
    faults: await throwInReceiver(randomThrown, seed, cases.receiver),
    said: `${cases.receiver} thrown in a receiver`,
  }));
  if (cases.records > 0) await phase("records", () => tryRecords(target, storeOf("fuzz"), server, seed, cases.records));
  await phase("driver errors", async () => {
    const store = storeOf("driver");
    const {
      accepted,
      refused,
      faults: wrong,
    } = await failDriver(target, store, server, seeded(seed), cases.driverErrors);
    return {
      faults: wrong,
      said: `${cases.driverErrors} driver errors, ${accepted} jobs accepted, ${refused} refused`,
    };
  });
  faults.push(...watch.stop());
  return { faults, said: said.join("; ") };
}

/** Strangers' records among honest jobs: those run, and each record is shown or waits. */
async function tryRecords(
  target: FaultTarget,
  store: Store,
  server: Server | null,
  seed: number,
  count: number,
): Promise<{ faults: string[]; said: string }> {
  const ran = new Set<string>();
  const { gate, pass } = createGate(CONCURRENCY);
  const honest = defineJob({ type: "fuzz.honest", handler: (_, { id }) => void ran.add(id) });
  const jobs = await connect(store.url, { log: "off" });
  const { id: first } = await jobs.enqueue(honest, {});
  const worker = jobs.worker({ jobs: [honest, gate], concurrency: CONCURRENCY });
  await worker.start();
  while (!ran.has(first)) await sleep(20);
  const stranger = await strangerOf(target, store, server, seeded(seed));
  const ids: string[] = [];
  let taken = 0;
  const each = Math.max(1, Math.ceil(count / 20));
  for (let left = count; left > 0; left -= each) {
    taken += await stranger.write(Math.min(each, left));
    ids.push((await jobs.enqueue(honest, {})).id);
  }
  await stranger.close();
  const faults: string[] = [];
  await quiet(jobs, () => ids.every((id) => ran.has(id)));
  const missing = ids.filter((id) => !ran.has(id)).length;
  if (missing > 0) faults.push(`${missing} of ${ids.length} honest jobs among strangers' records have not run`);
  const lost = await pass(jobs);
  if (lost) faults.push(`after strangers' records, ${lost}`);
  const { faults: blind, dead, waiting } = await tryListings(jobs, store.url);
  faults.push(...blind);
  if (dead + waiting < taken) faults.push(`${taken} records were stored; ${dead} are dead letters and ${waiting} wait`);
  const { state, running, message } = worker.health();
  if (state !== "running" || running > 0)
    faults.push(`after strangers' records the worker is "${state}", ${running} running: ${message}`);
  await jobs.close();
  return { faults, said: `${taken} records stored, ${dead} dead letters, ${waiting} waiting` };
}

/** Resolves when `done` holds and the store's counts rest, or after five minutes. */
async function quiet(jobs: Jobs, done: () => boolean): Promise<void> {
  let [before, same] = ["", 0];
  for (
    const until = performance.now() + 300_000;
    performance.now() < until && !(same > 4 && done());
    await sleep(300)
  ) {
    const counts = await jobs.inspector?.counts(["default"]).catch(() => null);
    const now = JSON.stringify(counts?.map(({ ready, leased, dead }) => [ready, leased, dead]));
    same = now === before ? same + 1 : 0;
    before = now;
  }
}
