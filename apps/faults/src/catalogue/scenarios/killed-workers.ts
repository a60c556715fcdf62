import assert from "node:assert/strict";
import { join } from "node:path";
import { nap } from "../../jobs.ts";
import { eventually, type Running } from "../../process.ts";
import { readDeeds } from "../../record.ts";
import type { FaultContext } from "../frame/context.ts";
import { timesMoreThanOnce } from "../frame/ledger.ts";
import { everywhere, type Measured, type Scenario } from "../frame/scenario.ts";

const LEASE_MS = 2_000;

export const killedWorkers: Scenario = {
  name: "killed workers",
  promise:
    "The job of a worker that is killed in the middle starts elsewhere within its lease plus 2 s, and is completed once.",
  rows: ["R16", "R40"],
  on: everywhere,
  duplicates: { most: 0, why: "a job that was killed in the middle has not ended" },
  leaseMs: LEASE_MS,
  load: "alone",
  server: "shared",
  async run(context) {
    const rounds: Measured[] = [];
    for (let round = 0; round < context.pick(1, 20); round += 1) rounds.push(await killAll(context));
    return {
      accepted: rounds.reduce((sum, { accepted }) => sum + accepted, 0),
      lost: rounds.flatMap(({ lost }) => lost),
      duplicated: rounds.reduce((sum, { duplicated }) => sum + duplicated, 0),
      takeoversMs: rounds.flatMap(({ takeoversMs = [] }) => takeoversMs),
    };
  },
};

const idsOf = (of: readonly object[]): Set<unknown> => new Set(of.map((one) => "id" in one && one.id));

/** Workers with a job each are killed at the same moment; another one takes over. */
async function killAll({ freshStore, connected, started, pick }: FaultContext): Promise<Measured> {
  // Each process has several connections, and PostgreSQL takes 100.
  const kills = pick(8, 10);
  const store = await freshStore();
  const record = join(store.folder, "deeds");
  const queues = Array.from({ length: kills }, (_, n) => `q${n}`);
  const jobs = await connected(store.url);
  const ids = await Promise.all(queues.map(async (queue) => (await jobs.enqueue(nap, {}, { queue })).id));
  const victims = queues.map((queue) =>
    started("worker", store.url, record, JSON.stringify({ queues: [queue], lease: LEASE_MS, concurrency: 1 })),
  );
  await eventually(() => readDeeds(record).length >= kills, "every victim has started its job", 60_000);
  const rescue = { queues, lease: LEASE_MS, concurrency: kills, ms: 50 };
  const rescuer = started("worker", store.url, record, JSON.stringify(rescue));
  await eventually(() => rescuer.lines.some(({ event }) => event === "booted"), "the rescuer is up");
  const killedAt = Date.now();
  for (const victim of victims) victim.kill("SIGKILL");
  const ended = (): Set<unknown> => idsOf(readDeeds(record).filter(({ what }) => what === "end"));
  await eventually(() => ended().size === kills, "every job has ended").catch(() => null);
  const lost = ids.filter((id) => !ended().has(id));
  if (lost.length > 0) return { accepted: ids.length, lost, duplicated: 0 };
  const settled = await eventually(() => {
    const lines = rescuer.lines.filter(({ event, outcome }) => event === "settled" && outcome === "completed");
    return idsOf(lines).size === kills && lines;
  }, "every job is settled");
  // Its connections are those of the next round.
  rescuer.kill("SIGKILL");
  await rescuer.ended;

  const starts = readDeeds(record).filter(({ what, pid }) => what === "start" && pid === rescuer.pid);
  const again = starts.filter(({ id }, n) => starts.findIndex((deed) => deed.id === id) === n);
  assert.deepEqual(again.map(({ id }) => id).sort(), [...ids].sort());
  for (const { attempt } of again) assert.equal(attempt, 1, "no attempt is spent");
  // A worker that gets no processor for the length of a lease loses it as a dead one does, and says so.
  const lostAgain = lostBy([...victims, rescuer]);
  const twice = starts.filter((deed) => !again.includes(deed)).map(({ id }) => id);
  assert.deepEqual(
    twice.filter((id) => !lostAgain.has(id)),
    [],
    "no job is started twice",
  );
  for (const { id, attempt, lost: times } of settled) {
    assert.equal(attempt, 1, "no attempt is spent");
    const before = readDeeds(record).filter((deed) => deed.what === "start" && deed.id === id).length - 1;
    // More, where a worker that got no processor for a lease received it and did not start it.
    if (!lostAgain.has(id))
      assert.ok(Number(times) >= before, `of ${before} deliveries without an end ${String(times)} count`);
  }
  const ends = readDeeds(record).filter(({ what, id }) => what === "end" && !lostAgain.has(id));
  return {
    accepted: ids.length,
    lost,
    duplicated: timesMoreThanOnce(ends.map(({ id }) => id)),
    takeoversMs: again.map(({ at }) => at - killedAt),
  };
}

const lostBy = (workers: readonly Running[]): Set<unknown> =>
  idsOf(workers.flatMap(({ lines }) => lines.filter(({ event }) => event === "lease_lost")));
