import assert from "node:assert/strict";
import { join } from "node:path";
import { derivedId } from "@waybill/core";
import { eventually, type Running } from "../../process.ts";
import { type Deed, readDeeds } from "../../record.ts";
import { timesMoreThanOnce } from "../frame/ledger.ts";
import { everywhere, type Scenario } from "../frame/scenario.ts";

const firedBy = ({ lines }: Running): readonly Running["lines"][number][] =>
  lines.filter(({ event, result }) => event === "tick" && result === "enqueued");
const startsIn = (record: string): Deed[] => readDeeds(record).filter(({ what }) => what === "start");

export const killedScheduler: Scenario = {
  name: "killed scheduler",
  promise: "Three schedulers, of which the busiest is killed, fire each tick of a schedule, and each tick is one job.",
  rows: ["R66"],
  on: everywhere,
  duplicates: {
    most: 5,
    why: "a job that the killed worker had begun is delivered again, as any job of a killed worker",
  },
  load: "waits",
  server: "shared",
  async run({ freshStore, withLedger, started, pick, target }) {
    const ticks = pick(8, 60);
    const store = await freshStore();
    const record = join(store.folder, "deeds");
    const args = [withLedger(store), record, JSON.stringify({ name: "s", every: "1s", ms: 5 })] as const;
    const schedulers = [1, 2, 3].map(() => started("scheduler", ...args));
    await eventually(() => schedulers.flatMap(firedBy).length >= 4, "four ticks were fired");
    const leader = schedulers.toSorted((a, b) => firedBy(b).length - firedBy(a).length)[0] as Running;
    leader.kill("SIGKILL");
    const killedAt = Date.now();
    const ran = (): Set<string> => new Set(startsIn(record).map(({ id }) => id));
    await eventually(() => ran().size >= ticks, `${ticks} ticks have run`, ticks * 1_000 + 90_000);
    const dues = schedulers.flatMap(firedBy).map(({ due }) => Number(due));
    const [first, last] = [Math.min(...dues), Math.max(...dues)];
    const expected = Array.from({ length: (last - first) / 1_000 + 1 }, (_, n) =>
      derivedId(["waybill.schedule", "s", first + n * 1_000]),
    );
    // Several ticks are fired together after a pause, and any of them may start last.
    await eventually(() => expected.every((id) => ran().has(id)), "no tick is missing").catch(() => null);
    const starts = startsIn(record);
    const ids = starts.map(({ id }) => id);
    const wasCut = (id: string): boolean =>
      starts.some((deed) => deed.id === id && deed.pid === leader.pid && killedAt - deed.at < 2_000);
    const twice = ids.filter((id, n) => ids.indexOf(id) !== n).filter((id) => !wasCut(id));
    assert.deepEqual(twice, [], "no tick runs twice");
    if (target.uniqueIds) assert.equal(new Set(dues).size, dues.length, "no tick is enqueued twice");
    return {
      accepted: expected.length,
      lost: expected.filter((id) => !ran().has(id)),
      duplicated: timesMoreThanOnce(readDeeds(record).flatMap(({ what, id }) => (what === "end" ? [id] : []))),
    };
  },
};

export const killedChain: Scenario = {
  name: "killed chain",
  promise:
    "A chain by afterCompletion goes on when each of its workers is killed in the middle of its job, and never runs two at once.",
  rows: ["R45"],
  on: everywhere,
  duplicates: { most: 0, why: "no run is completed twice" },
  load: "waits",
  server: "shared",
  async run({ freshStore, withLedger, started, pick, target }) {
    // Each kill waits for a lease to end: 200 of them take a quarter of an hour.
    const kills = pick(2, target.name === "sqlite" ? 200 : 20);
    const store = await freshStore();
    const record = join(store.folder, "deeds");
    const settings = { name: "chain", afterCompletion: "1s", ms: 400 };
    const start = (): Running => started("scheduler", withLedger(store), record, JSON.stringify(settings));
    const alive = new Map([start(), start()].map((worker) => [worker.pid, worker]));
    const killedAt = new Map<number, number>();
    for (let done = 0; done < kills; done += 1) {
      const { pid } = await eventually(() => {
        const last = readDeeds(record).at(-1);
        return last?.what === "start" && alive.has(last.pid) && last;
      }, `a job runs after ${done} kills`);
      // Before the kill: a broker may deliver the job again sooner than this process hears of the end.
      killedAt.set(pid, Date.now());
      alive.get(pid)?.kill("SIGKILL");
      await alive.get(pid)?.ended;
      alive.delete(pid);
      const next = start();
      alive.set(next.pid, next);
    }
    const before = readDeeds(record).length;
    const deeds = await eventually(() => {
      const all = readDeeds(record);
      return all.slice(before).filter(({ what }) => what === "end").length >= 3 && all;
    }, "the chain goes on");
    const completed = deeds.filter(({ what }) => what === "end").map(({ id }) => id);
    return {
      accepted: new Set(deeds.map(({ id }) => id)).size,
      lost: [],
      duplicated: timesMoreThanOnce(completed),
      violations: overlapping(deeds, killedAt),
    };
  },
};

/** Runs that began while another was under way, in a process that lived. */
function overlapping(deeds: readonly Deed[], killedAt: ReadonlyMap<number, number>): string[] {
  const runs = deeds
    .filter(({ what }) => what === "start")
    .map(({ id, pid, at }) => {
      const end = deeds.find((deed) => deed.what === "end" && deed.id === id && deed.pid === pid && deed.at >= at);
      return { id, pid, at, until: end?.at ?? killedAt.get(pid) ?? Infinity };
    });
  return runs.flatMap((run, n) =>
    runs
      .slice(n + 1)
      .filter(({ at }) => at < run.until)
      .map((other) => `${other.id} in ${other.pid} began while ${run.id} ran in ${run.pid}`),
  );
}
