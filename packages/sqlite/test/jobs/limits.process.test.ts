import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type start as Start, start } from "../children/start.ts";
import { message, open, temporaryFile } from "../temporary-file.ts";

const KILLS = 20;
const JOBS_A_KILL = 20;
const KEYS = 8;
const LEASE_MS = 400;

interface Run {
  readonly key: string;
  readonly from: number;
  /** When it ended or its lease did, whichever was first. */
  to: number;
}

/** The runs of one worker, from its lines `start ID AT LEASE_END` and `end ID STARTED AT`. */
function runsOf(lines: readonly string[]): Run[] {
  const runs = new Map<string, Run>();
  for (const line of lines) {
    const [word, id = "", first, second] = line.split(" ");
    if (word === "start")
      runs.set(`${id} ${first}`, { key: id.split("-")[0] ?? "", from: Number(first), to: Number(second) });
    const run = word === "end" ? runs.get(`${id} ${first}`) : undefined;
    if (run !== undefined) run.to = Math.min(run.to, Number(second));
  }
  return [...runs.values()];
}

test(`while 3 workers are killed ${KILLS} times, no two jobs of a key run under leases that both last, and every job runs`, async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const ids = Array.from({ length: KILLS * JOBS_A_KILL }, (_, n) => `key${n % KEYS}-${n}`);
  const keyed = (id: string) => message({ id, limitKeys: { sync: id.split("-")[0] ?? "" } });
  const work = (): ReturnType<typeof Start> => start("runByKey", path, { ms: 4_000, lease: LEASE_MS });
  const ended: ReturnType<typeof Start>[] = [];
  const workers = [work(), work(), work()];
  for (let kills = 0; kills < KILLS; kills += 1) {
    await backend.enqueue(ids.slice(kills * JOBS_A_KILL, (kills + 1) * JOBS_A_KILL).map(keyed));
    const worker = workers.shift();
    if (worker === undefined) break;
    // The others may have every job; a worker is killed all the same.
    await Promise.race([worker.firstLines(1).catch(() => undefined), sleep(2_000)]);
    await sleep(Math.random() * 60);
    worker.kill();
    await worker.ended;
    ended.push(worker);
    workers.push(work());
  }
  expect(await Promise.all(workers.map((worker) => worker.ended))).toEqual([0, 0, 0]);
  const lines = [...ended, ...workers].map((worker) => worker.lines());
  const runs = lines.flatMap(runsOf).toSorted((a, b) => a.from - b.from);
  for (const [key, ofKey] of Map.groupBy(runs, (run) => run.key)) {
    const overlaps = ofKey.filter((run, index) => ofKey.slice(0, index).some((earlier) => run.from < earlier.to));
    expect(overlaps, key).toEqual([]);
  }
  const started = new Set(lines.flat().map((line) => line.split(" ")[1]));
  expect(ids.filter((id) => !started.has(id))).toEqual([]);
  expect(await backend.inspector.counts()).toMatchObject([{ ready: 0, leased: 0, delayed: 0 }]);
});
