import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, defineSchedule, handlerFor, type Jobs, type Receipt } from "@waybill/core";

const MOST_MS = 60_000;

/** Two connections to the same queues. */
export type Both = readonly [Jobs, Jobs];

/** Returns what `find` finds; asks again while that is null or false. */
async function until<T>(what: string, find: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (const end = performance.now() + MOST_MS; performance.now() < end; await sleep(20)) {
    const found = await find();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${MOST_MS} ms`);
}

/**
 * Runs `count` jobs of two accounts, at most one of an account at a time, and a schedule of every second until it has ticked
 * twice. Returns the accounts of which two jobs ran at the same time, and the ids of the schedule's jobs.
 */
export async function runLimitedAndScheduled(
  both: Both,
  count: number,
): Promise<{ doubles: readonly string[]; ticks: readonly string[] }> {
  const running = new Set<string>();
  let ran = 0;
  const doubles: string[] = [];
  const sync = defineJob<{ account: string }>({
    type: "crm.sync",
    limits: [{ key: ({ account }) => account, concurrency: 1 }],
    async handler({ account }) {
      if (running.has(account)) doubles.push(account);
      running.add(account);
      await sleep(30);
      running.delete(account);
      ran += 1;
    },
  });
  const ticks: string[] = [];
  const tick = defineJob({ type: "tick", handler: (_, { id }) => void ticks.push(id) });
  const schedules = [defineSchedule({ name: "ticks", job: tick, payload: {}, every: "1s" })];
  for (const jobs of both) await jobs.worker({ jobs: [sync, tick], schedules, concurrency: 5 }).start();
  for (let at = 0; at < count; at += 1) await both[at % 2]?.enqueue(sync, { account: `a${at % 2}` });
  await until(`${count} jobs of two accounts`, () => ran >= count);
  await until("two ticks of the schedule", () => ticks.length >= 2);
  return { doubles, ticks };
}

/**
 * Enqueues a job of a unique key on one connection and on the other, and once more when it has run. Returns the receipt of the
 * first, why the second was refused, and the receipt of the last.
 */
export async function enqueueUnique([one, other]: Both): Promise<{ first: Receipt; refusal: unknown; last: Receipt }> {
  const mail = defineJob<{ to: string }>({ type: "mail.send", queue: "mail", unique: { by: ({ to }) => to } });
  const first = await one.enqueue(mail, { to: "ada" });
  const refusal = await other.enqueue(mail, { to: "ada" }).catch((thrown: unknown) => thrown);
  await one.worker({ jobs: [handlerFor(mail, () => undefined)], queues: ["mail"] }).start();
  const last = await until("the key is free", () => other.enqueue(mail, { to: "ada" }).catch(() => null));
  return { first, refusal, last };
}

/** Asks for each feature that needs a ledger, and returns what it is refused with, by its name; undefined where it is not. */
export async function featuresWithoutLedger(jobs: Jobs): Promise<Readonly<Record<string, unknown>>> {
  const refusal = async (ask: () => unknown): Promise<unknown> => {
    try {
      await ask();
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  };
  const limited = defineJob({ type: "crm.sync", limits: [{ concurrency: 1 }], handler: () => undefined });
  const unique = defineJob({ type: "shop.sync", unique: {}, handler: () => undefined });
  const tick = defineJob({ type: "tick", handler: () => undefined });
  const schedules = [defineSchedule({ name: "ticks", job: tick, payload: {}, every: "1s" })];
  return {
    limits: await refusal(() => jobs.worker({ jobs: [limited] })),
    unique: await refusal(() => jobs.enqueue(unique, {})),
    control: await refusal(() => jobs.list({})),
    schedules: await refusal(() => jobs.worker({ jobs: [tick], schedules })),
  };
}
