import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Jobs, newSecret } from "@waybill/core";
import { freePort, startNginx } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { targets } from "../src/backends.ts";
import { kill, nap } from "../src/jobs.ts";
import { eventually, type Running } from "../src/process.ts";
import { type Deed, readDeeds } from "../src/record.ts";
import { freshStore, started } from "./stores.ts";

const [target] = targets;
if (target === undefined) throw new Error("there is no backend to push from");

const SLOTS = 4;
const AT_ONCE = 16;
const MOST_AHEAD = 500;
/** One more than a harmless job is likely to run beside one that kills its process, on a machine that restarts slowly. */
const MOST_LOST = 4;
const SETTINGS = { concurrency: SLOTS, ms: 15, drain: "2s" };

/** A SQLite store, `waybill push` from it, and an application that is started and ended as the test says. */
async function scene(settings: Readonly<Record<string, unknown>> = {}) {
  const store = await freshStore(target!);
  const record = join(store.folder, "deeds");
  const keys = newSecret();
  const keysFile = join(store.folder, "keys");
  writeFileSync(keysFile, keys);
  const jobs = await connect(store.url, { log: "off" });
  onTestFinished(() => jobs.close());
  const port = await freePort();
  return {
    jobs,
    async startApplication(): Promise<Running> {
      const application = started(
        "application",
        String(port),
        record,
        JSON.stringify({ ...SETTINGS, keys, ...settings }),
      );
      await eventually(() => application.lines.some(({ event }) => event === "listening"), "it listens");
      return application;
    },
    push: (to: string, ...more: string[]): Running =>
      started("push", "--url", store.url, "--to", `${to}/work`, "--keys-file", keysFile, ...PUSH, ...more),
    here: () => `http://127.0.0.1:${port}`,
    deeds: () => readDeeds(record),
    ends: () => readDeeds(record).filter(({ what }) => what === "end"),
  };
}

const PUSH = ["--http-connections", String(AT_ONCE), "--visibility-timeout", "4s", "--drain", "1s", "--abort", "500ms"];

/** Enqueues until stopped, and never gets far ahead of the application. Returns the ids of the jobs that were stored. */
function load(jobs: Jobs, ended: () => readonly unknown[]): () => Promise<string[]> {
  const ids: string[] = [];
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted) {
      if (ids.length < ended().length + MOST_AHEAD) {
        const receipts = await Promise.all(Array.from({ length: 10 }, () => jobs.enqueue(nap, {})));
        ids.push(...receipts.map(({ id }) => id));
      }
      // About what the application can do.
      await sleep(45);
    }
  })();
  return async () => {
    stop.abort();
    await running;
    return ids;
  };
}

const outcomesOf = (pushes: readonly Running[]): string[] =>
  pushes.flatMap(({ lines }) => lines.filter(({ event }) => event === "settled")).map(({ outcome }) => String(outcome));
const timesEnded = (deeds: readonly Deed[]): Map<string, number> => {
  const times = new Map<string, number>();
  for (const { id, what } of deeds) if (what === "end") times.set(id, (times.get(id) ?? 0) + 1);
  return times;
};
async function allEnded(jobs: Jobs): Promise<void> {
  await expect
    .poll(async () => (await jobs.inspector?.counts())?.map(({ ready, delayed, leased }) => ready + delayed + leased), {
      timeout: 120_000,
    })
    .toEqual([0]);
}

test("R12: no healthy job is lost, dead-lettered or charged an attempt because its application is full, drained, killed or restarted, or its sender is", async () => {
  const { jobs, startApplication, push, here, deeds, ends } = await scene();
  const applications = [await startApplication()];
  const pushes = [push(here())];
  const stopLoad = load(jobs, ends);
  const more = async (count: number): Promise<void> => {
    const before = ends().length;
    await eventually(() => ends().length >= before + count, `${count} more have ended`);
  };
  await more(60);

  applications.at(-1)?.kill("SIGTERM");
  expect(await applications.at(-1)?.ended).toBe(0);
  await sleep(700);
  applications.push(await startApplication());
  await more(60);

  applications.at(-1)?.kill("SIGKILL");
  await sleep(700);
  applications.push(await startApplication());
  await more(60);

  pushes.at(-1)?.kill("SIGTERM");
  expect(await pushes.at(-1)?.ended).toBe(0);
  pushes.push(push(here()));
  await more(60);

  pushes.at(-1)?.kill("SIGKILL");
  pushes.push(push(here()));
  await more(60);

  const ids = await stopLoad();
  await allEnded(jobs);
  const times = timesEnded(deeds());
  expect([...times.keys()].sort()).toEqual([...ids].sort());
  // Only a job that ran when a process was killed may have ended twice: its outcome was not stored yet.
  expect(deeds().filter(({ what }) => what === "end").length - ids.length).toBeLessThanOrEqual(2 * AT_ONCE);
  expect(deeds().filter(({ attempt }) => attempt !== 1)).toEqual([]);
  expect(await jobs.inspector?.deadLetters({})).toEqual([]);
  expect(new Set(outcomesOf(pushes))).toEqual(new Set(["completed", "release"]));
  const refusals = applications.flatMap(({ lines }) => lines.filter(({ event }) => event === "push_refused"));
  expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(["FULL"]));
});

test("R12: behind nginx, an application that is away for as long as it likes is one loss to a job and no more", async () => {
  const { jobs, startApplication, push, here, ends } = await scene();
  const first = await startApplication();
  const nginx = await startNginx({ upstream: here() });
  onTestFinished(() => nginx.stop());
  const sender = push(nginx.url, "--max-lost", "2");
  const stopLoad = load(jobs, ends);
  await eventually(() => ends().length >= 30, "both are at work");
  first.kill("SIGKILL");
  await eventually(() => sender.lines.find(({ event }) => event === "receiver_unavailable"), "it is missed");
  const ids = await stopLoad();
  // Six tries of each job, were they counted.
  await sleep(4_000);
  await startApplication();
  await allEnded(jobs);
  expect(new Set(ends().map(({ id }) => id))).toEqual(new Set(ids));
  expect(await jobs.inspector?.deadLetters({})).toEqual([]);
  expect(nginx.accessLog().filter((line) => line.startsWith("502 POST")).length).toBeLessThanOrEqual(2 * AT_ONCE);
});

test("R12: a job that kills its application is dead-lettered after maxLost times, and no other job is", async () => {
  const { jobs, startApplication, push, here, deeds, ends } = await scene({ maxLost: MOST_LOST });
  let isOver = false;
  let restarts = 0;
  onTestFinished(() => void (isOver = true));
  const supervise = async (application: Running): Promise<void> => {
    await application.ended;
    if (isOver) return undefined;
    restarts += 1;
    return supervise(await startApplication());
  };
  void supervise(await startApplication());
  const sender = push(here(), "--max-lost", String(MOST_LOST));
  const stopLoad = load(jobs, ends);
  const { id } = await jobs.enqueue(kill, {});
  const dead = await eventually(() => sender.lines.find(({ outcome }) => outcome === "dead"), "it is dead-lettered");
  const ids = await stopLoad();
  await allEnded(jobs);
  isOver = true;
  expect(dead).toMatchObject({ id, attempt: 1, reason: { code: "WORKER_LOST" } });
  expect(deeds().filter((deed) => deed.id === id)).toHaveLength(MOST_LOST);
  expect(restarts).toBe(MOST_LOST);
  expect(new Set(ends().map((deed) => deed.id))).toEqual(new Set(ids));
  expect((await jobs.inspector?.deadLetters({}))?.map((letter) => letter.id)).toEqual([id]);
});
