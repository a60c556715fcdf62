import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Jobs, newSecret } from "@waybill/core";
import { freePort, startNginx } from "@waybill/test-servers";
import { kill } from "../../jobs.ts";
import { eventually, type Running } from "../../process.ts";
import type { FaultContext } from "../frame/context.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { onlyOn, type Scenario } from "../frame/scenario.ts";
import { load } from "./push-load.ts";

const SLOTS = 4;
const AT_ONCE = 16;
/** More than the sender has in flight: an application that is away is what these scenarios are about, not a backlog. */
const FEW_AHEAD = 5 * AT_ONCE;
/** One more than a harmless job is likely to run beside one that kills its process, on a machine that restarts slowly. */
const MOST_LOST = 4;
const SETTINGS = { concurrency: SLOTS, ms: 15, drain: "2s" };
const PUSH = ["--http-connections", String(AT_ONCE), "--visibility-timeout", "4s", "--drain", "1s", "--abort", "500ms"];

const onSqlite = onlyOn(["sqlite"], "it is about the sender, which is the same on each backend");

/** A store, `waybill push` from it, and an application that is started and ended as the scenario says. */
async function scene(context: FaultContext, settings: Readonly<Record<string, unknown>> = {}) {
  const store = await context.freshStore();
  const ledger = ledgerIn(store.folder);
  const keys = newSecret();
  const keysFile = join(store.folder, "keys");
  writeFileSync(keysFile, keys);
  const jobs = await context.connected(store.url);
  const port = await freePort();
  return {
    jobs,
    ledger,
    async startApplication(): Promise<Running> {
      const options = JSON.stringify({ ...SETTINGS, keys, ...settings });
      const application = context.started("application", String(port), ledger.record, options);
      await eventually(() => application.lines.some(({ event }) => event === "listening"), "it listens");
      return application;
    },
    push: (to: string, ...more: string[]): Running =>
      context.started("push", "--url", store.url, "--to", `${to}/work`, "--keys-file", keysFile, ...PUSH, ...more),
    here: `http://127.0.0.1:${port}`,
    ends: () => ledger.deeds("end"),
  };
}

async function allEnded(jobs: Jobs): Promise<void> {
  for (const until = performance.now() + 120_000; performance.now() < until; await sleep(100)) {
    const counts = (await jobs.inspector?.counts()) ?? [];
    if (counts.every(({ ready, delayed, leased }) => ready + delayed + leased === 0)) return;
  }
  assert.fail("jobs wait still");
}

async function deadLettersOf(jobs: Jobs): Promise<string[]> {
  return ((await jobs.inspector?.deadLetters({})) ?? []).map(({ id }) => id);
}

export const pushUnderLoad: Scenario = {
  name: "push under load",
  promise:
    "An application that is full, drained, killed or restarted, or whose sender is, costs no pushed job an attempt; none is lost or dead-lettered.",
  rows: ["R12"],
  on: onSqlite,
  duplicates: {
    most: 2 * AT_ONCE,
    why: "a job that ran when a process was killed may end twice: its outcome was not stored",
  },
  load: "works",
  server: "shared",
  async run(context) {
    const { jobs, startApplication, push, here, ends, ledger } = await scene(context);
    const applications = [await startApplication()];
    const pushes = [push(here)];
    const stopLoad = load(jobs, ends);
    const more = async (count: number): Promise<void> => {
      const before = ends().length;
      await eventually(() => ends().length >= before + count, `${count} more have ended`);
    };
    await more(60);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      applications.at(-1)?.kill(signal);
      const code = await applications.at(-1)?.ended;
      if (signal === "SIGTERM") assert.equal(code, 0);
      await sleep(700);
      applications.push(await startApplication());
      await more(60);
    }
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      pushes.at(-1)?.kill(signal);
      if (signal === "SIGTERM") assert.equal(await pushes.at(-1)?.ended, 0);
      pushes.push(push(here));
      await more(60);
    }
    const ids = await stopLoad();
    await allEnded(jobs);
    assert.deepEqual([...new Set(ends().map(({ id }) => id))].sort(), [...ids].sort());
    assert.deepEqual(
      ledger.deeds().filter(({ attempt }) => attempt !== 1),
      [],
      "no attempt is spent",
    );
    assert.deepEqual(await deadLettersOf(jobs), []);
    const settled = pushes.flatMap(({ lines }) => lines.filter(({ event }) => event === "settled"));
    assert.deepEqual(new Set(settled.map(({ outcome }) => outcome)), new Set(["completed", "release"]));
    const refusals = applications.flatMap(({ lines }) => lines.filter(({ event }) => event === "push_refused"));
    assert.deepEqual(new Set(refusals.map(({ code }) => code)), new Set(["FULL"]));
    return { accepted: ids.length, lost: ledger.lost(ids), duplicated: ends().length - ids.length };
  },
};

export const pushBehindNginx: Scenario = {
  name: "push behind nginx",
  promise: "Behind nginx, an application that is away for as long as it likes is one loss to a job and no more.",
  rows: ["R12"],
  on: onSqlite,
  duplicates: { most: AT_ONCE, why: "a job that ran when the application was killed may end twice" },
  load: "waits",
  server: "shared",
  async run(context) {
    const { jobs, startApplication, push, here, ends, ledger } = await scene(context);
    const first = await startApplication();
    const nginx = await startNginx({ upstream: here });
    context.atEnd(() => nginx.stop());
    const sender = push(nginx.url, "--max-lost", "2");
    const stopLoad = load(jobs, ends, FEW_AHEAD);
    await eventually(() => ends().length >= 30, "both are at work");
    first.kill("SIGKILL");
    await eventually(() => sender.lines.find(({ event }) => event === "receiver_unavailable"), "it is missed");
    const ids = await stopLoad();
    // Six tries of each job, were they counted.
    await sleep(4_000);
    await startApplication();
    await allEnded(jobs);
    assert.deepEqual(await deadLettersOf(jobs), []);
    const tries = nginx.accessLog().filter((line) => line.startsWith("502 POST")).length;
    assert.ok(tries <= 2 * AT_ONCE, `${tries} requests met no application`);
    return { accepted: ids.length, lost: ledger.lost(ids), duplicated: ledger.duplicated() };
  },
};

export const killerByPush: Scenario = {
  name: "killer by push",
  promise: "A pushed job that kills its application is dead-lettered after maxLost times, and no other job is.",
  rows: ["R12"],
  on: onSqlite,
  duplicates: { most: MOST_LOST * AT_ONCE, why: "a job that ran when the application was killed may end twice" },
  load: "waits",
  server: "shared",
  async run(context) {
    const { jobs, startApplication, push, here, ends, ledger } = await scene(context, { maxLost: MOST_LOST });
    let isOver = false;
    let restarts = 0;
    context.atEnd(() => (isOver = true));
    const supervise = async (application: Running): Promise<void> => {
      await application.ended;
      if (isOver) return undefined;
      restarts += 1;
      return supervise(await startApplication());
    };
    void supervise(await startApplication());
    const sender = push(here, "--max-lost", String(MOST_LOST));
    const stopLoad = load(jobs, ends, FEW_AHEAD);
    const { id } = await jobs.enqueue(kill, {});
    const dead = await eventually(
      () => sender.lines.find(({ outcome }) => outcome === "dead"),
      "it is dead-lettered",
      180_000,
    );
    const ids = await stopLoad();
    await allEnded(jobs);
    isOver = true;
    assert.deepEqual([dead["id"], dead["attempt"], (dead["reason"] as { code: string }).code], [id, 1, "WORKER_LOST"]);
    assert.equal(ledger.deeds().filter((deed) => deed.id === id).length, MOST_LOST);
    assert.equal(restarts, MOST_LOST);
    assert.deepEqual(await deadLettersOf(jobs), [id]);
    return { accepted: ids.length, lost: ledger.lost(ids), duplicated: ledger.duplicated() };
  },
};
