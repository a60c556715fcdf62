import { join } from "node:path";
import { derivedId } from "@waybill/core";
import { expect, test } from "vitest";
import { type FaultTarget, type Store, targets } from "../src/backends.ts";
import { eventually, type Running } from "../src/process.ts";
import { type Deed, readDeeds } from "../src/record.ts";
import { isFull } from "./cut.ts";
import { freshStore, started } from "./stores.ts";

const TICKS = isFull ? 60 : 10;
const KILLS = isFull ? 20 : 4;

/** SQS and RabbitMQ keep no ledger: theirs is a file beside the records. */
function urlWithLedger({ name }: FaultTarget, { url, folder }: Store): string {
  if (name !== "sqs" && name !== "rabbitmq") return url;
  const ledger = encodeURIComponent(`sqlite:${join(folder, "ledger.db")}`);
  return `${url}${url.includes("?") ? "&" : "?"}ledger=${ledger}`;
}

const firedBy = ({ lines }: Running): readonly Running["lines"][number][] =>
  lines.filter(({ event, result }) => event === "tick" && result === "enqueued");

for (const target of targets) {
  test(`R66: on ${target.name}, ${TICKS} ticks of three schedulers, of which the busiest is killed, are one job each`, async () => {
    const store = await freshStore(target);
    const record = join(store.folder, "deeds");
    const args = [urlWithLedger(target, store), record, JSON.stringify({ name: "s", every: "1s", ms: 5 })] as const;
    const schedulers = [1, 2, 3].map(() => started("scheduler", ...args));
    await eventually(() => schedulers.flatMap(firedBy).length >= 4, "four ticks were fired");
    const leader = schedulers.toSorted((a, b) => firedBy(b).length - firedBy(a).length)[0] as Running;
    leader.kill("SIGKILL");
    const killedAt = Date.now();
    const starts = await eventually(() => {
      const found = readDeeds(record).filter(({ what }) => what === "start");
      return new Set(found.map(({ id }) => id)).size >= TICKS && found;
    }, `${TICKS} ticks have run`);

    const ids = starts.map(({ id }) => id);
    const twice = ids.filter((id, n) => ids.indexOf(id) !== n);
    // A job that the killed worker had begun is delivered again, as any job of a killed worker is.
    const wasCut = (id: string): boolean =>
      starts.some((deed) => deed.id === id && deed.pid === leader.pid && killedAt - deed.at < 2_000);
    expect(
      twice.filter((id) => !wasCut(id)),
      "no tick ran twice",
    ).toEqual([]);
    const dues = schedulers.flatMap(firedBy).map(({ due }) => Number(due));
    const [first, last] = [Math.min(...dues), Math.max(...dues)];
    const expected = Array.from({ length: (last - first) / 1_000 + 1 }, (_, n) =>
      derivedId(["waybill.schedule", "s", first + n * 1_000]),
    );
    // The last one may not have started yet.
    expect(
      expected.slice(0, -1).filter((id) => !ids.includes(id)),
      "no tick is missing",
    ).toEqual([]);
    if (target.uniqueIds) expect(new Set(dues).size, "no tick was enqueued twice").toBe(dues.length);
  });

  test(`R45: on ${target.name}, a chain by afterCompletion goes on over ${KILLS} kills, and never runs twice at once`, async () => {
    const store = await freshStore(target);
    const record = join(store.folder, "deeds");
    const settings = { name: "chain", afterCompletion: "1s", ms: 400 };
    const start = (): Running => started("scheduler", urlWithLedger(target, store), record, JSON.stringify(settings));
    const alive = new Map([start(), start()].map((worker) => [worker.pid, worker]));
    const killedAt = new Map<number, number>();
    for (let kills = 0; kills < KILLS; kills++) {
      const { pid } = await eventually(() => {
        const last = readDeeds(record).at(-1);
        return last?.what === "start" && alive.has(last.pid) && last;
      }, `a job runs after ${kills} kills`);
      alive.get(pid)?.kill("SIGKILL");
      await alive.get(pid)?.ended;
      killedAt.set(pid, Date.now());
      alive.delete(pid);
      const next = start();
      alive.set(next.pid, next);
    }
    const before = readDeeds(record).length;
    const deeds = await eventually(() => {
      const all = readDeeds(record);
      return all.slice(before).filter(({ what }) => what === "end").length >= 3 && all;
    }, "the chain goes on");
    expect(overlapping(deeds, killedAt)).toEqual([]);
    const completed = deeds.filter(({ what }) => what === "end").map(({ id }) => id);
    expect(new Set(completed).size, "no run completed twice").toBe(completed.length);
  });
}

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
