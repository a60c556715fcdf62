import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { connect } from "@waybill/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  lastJson,
  launch,
  type LogLine,
  readLog,
  type Running,
  temporaryFiles,
  temporaryFolder,
  until,
} from "./demo-process.ts";
import { makePhotos } from "./make-photos.ts";

const PHOTOS = 200;
const KILLS = 5;

describe("a worker killed five times while 200 photos run", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let calm: string;
  let killed: string;
  let run: Running;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const photos = join(folder.path, "photos");
    await makePhotos(photos, PHOTOS);
    calm = join(folder.path, "calm");
    killed = join(folder.path, "killed");
    expect(await launch(["--once", photos], { DEMO_DATA: calm }).exited).toBe(0);
    run = launch(["--once", photos], { DEMO_DATA: killed });
    for (let kill = 1; kill <= KILLS; kill += 1) await killWorkerAfter(run, killed, kill, kill * 95);
  }, 280_000);
  afterAll(async () => {
    run?.kill("SIGTERM");
    await run?.exited;
    await folder.remove();
  });

  test("the run ends by itself with every job done, none dead and exit code 0", async () => {
    expect(await run.exited).toBe(0);
    const total = PHOTOS * 3 + 2;
    expect(lastJson(run)).toMatchObject({ enqueued: total, completed: total, dead: 0 });
    expect(run.stderr().match(/died \(SIGKILL\)/g)).toHaveLength(KILLS);
  });

  test("all 600 pictures decode and are equal, byte for byte, to those of an undisturbed run", async () => {
    const [ours, theirs] = [await pictures(killed), await pictures(calm)];
    expect(ours.size).toBe(PHOTOS * 3);
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
    for (const [name, bytes] of ours) {
      expect(bytes.equals(theirs.get(name) ?? Buffer.alloc(0)), name).toBe(true);
      expect((await sharp(bytes).raw().toBuffer()).length, name).toBeGreaterThan(0);
    }
  });

  test("no temporary file remains", async () => {
    expect(await temporaryFiles(killed)).toEqual([]);
    expect(await readdir(join(killed, "tmp"))).toEqual([]);
  });

  test("starts, completions and interruptions reconcile in the worker's log", async () => {
    reconcile(await readLog(killed, "worker"));
  });

  test("nothing is left in the backend: no job waits, runs or is dead", async () => {
    const jobs = await connect(`sqlite:${join(killed, "waybill.db")}`, { log: "off" });
    const counts = (await jobs.inspector?.counts()) ?? [];
    await jobs.close();
    expect(counts.map(({ ready, delayed, leased, dead }) => ready + delayed + leased + dead)).toEqual(
      counts.map(() => 0),
    );
  });
});

/** Kills the `nth` worker once the log has that many settled jobs, so that it is killed while it works. */
async function killWorkerAfter(run: Running, data: string, nth: number, settled: number): Promise<void> {
  const pid = await until(`worker ${nth}`, () => [...run.stderr().matchAll(/started \(pid (\d+)\)/g)][nth - 1]?.[1]);
  await until(
    `${settled} settled jobs`,
    async () => {
      const lines = await readLog(data, "worker");
      return (
        lines.filter((line) => line.event === "settled").length >= settled &&
        lines.some((line) => line.pid === Number(pid))
      );
    },
    120_000,
  );
  process.kill(Number(pid), "SIGKILL");
}

/** Every picture by its name, which is derived from the photo's name and the size. */
async function pictures(data: string): Promise<Map<string, Buffer>> {
  const albums = await readdir(join(data, "albums"));
  expect(albums).toHaveLength(1);
  const sizes = join(data, "albums", albums[0] ?? "", "sizes");
  const names = await readdir(sizes);
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(sizes, name))] as const)));
}

/**
 * The rule: every "started" line is followed, from the same worker, by the line of its end ("settled" or "lease_lost"),
 * or that worker was killed: an interruption. An interrupted job either starts again, and its next start counts the
 * lost delivery, or it was settled in the backend just before the kill and only its log line was lost: then no start
 * follows. No job completes twice. `lost` may exceed the interruptions seen: a delivery can die before its start.
 */
function reconcile(lines: LogLine[]): void {
  const concurrency = Number(lines.find((line) => line.event === "booted")?.concurrency);
  const stopped = new Set(lines.filter((line) => line.event === "stopped").map((line) => line.worker));
  const byJob = Map.groupBy(
    lines.filter((line) => line.id !== undefined && line.event !== "enqueued"),
    (line) => line.id,
  );
  expect(byJob.size).toBe(PHOTOS * 3 + 2);
  let starts = 0;
  let completions = 0;
  let otherEnds = 0;
  let interruptions = 0;
  let silentEnds = 0;
  for (const [id, timeline] of byJob) {
    let open: LogLine | null = null;
    let lostHere = 0;
    let completedHere = 0;
    for (const line of timeline) {
      if (line.event === "started") {
        if (open !== null) {
          expect(stopped.has(open.worker), `${id} was interrupted in a worker that was not killed`).toBe(false);
          lostHere += 1;
        }
        expect(line.lost, `${id} counts the deliveries that died`).toBeGreaterThanOrEqual(lostHere);
        expect(line.attempt, `${id} spends no attempt on a kill`).toBe(1);
        open = line;
        starts += 1;
        continue;
      }
      // Released before it started: it was prefetched by a worker without a free slot.
      if (line.outcome === "release" && open?.worker !== line.worker) continue;
      expect(open?.worker, `${id} ends where it started`).toBe(line.worker);
      open = null;
      if (line.outcome === "completed") completedHere += 1;
      else otherEnds += 1;
    }
    if (open !== null) {
      expect(stopped.has(open.worker), `${id} has no end though its worker was not killed`).toBe(false);
      silentEnds += 1;
      lostHere += 1;
    }
    expect(completedHere, `${id} completes once, or its log line was lost`).toBe(open === null ? 1 : 0);
    completions += completedHere;
    interruptions += lostHere;
  }
  expect(starts).toBe(completions + otherEnds + interruptions);
  expect(completions + silentEnds).toBe(PHOTOS * 3 + 2);
  expect(interruptions).toBeGreaterThan(0);
  // A slot is free again at the outcome: besides the running jobs, as many may be waiting for their settle.
  expect(interruptions).toBeLessThanOrEqual(KILLS * concurrency * 2);
}
