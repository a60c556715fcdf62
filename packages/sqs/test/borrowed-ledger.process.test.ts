import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob, defineSchedule, handlerFor } from "@waybill/core";
import { expect, onTestFinished, test, vi } from "vitest";
import { credentials, freshPrefix, region, useEmulator } from "./fixture.ts";

const emulator = useEmulator();

vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);

test("schedules, limits and unique keys are kept in a borrowed ledger", async () => {
  const ledger = `sqlite:${join(mkdtempSync(join(tmpdir(), "ledger-")), "ledger.db")}`;
  const url = `sqs://${region}/${freshPrefix()}?endpoint=${encodeURIComponent(emulator.endpoint)}`;
  const all = [await connect(url, { ledger, log: "off" }), await connect(url, { ledger, log: "off" })];
  onTestFinished(async () => {
    for (const jobs of all) await jobs.close();
  });
  const running = new Set<string>();
  const ran: string[] = [];
  const doubles: string[] = [];
  const sync = defineJob<{ account: string }>({
    type: "crm.sync",
    limits: [{ key: ({ account }) => account, concurrency: 1 }],
    async handler({ account }) {
      if (running.has(account)) doubles.push(account);
      running.add(account);
      await sleep(30);
      running.delete(account);
      ran.push(account);
    },
  });
  const ticks: string[] = [];
  const tick = defineJob({ type: "tick", handler: (_, { id }) => void ticks.push(id) });
  const schedules = [defineSchedule({ name: "ticks", job: tick, payload: {}, every: "1s" })];
  for (const jobs of all) await jobs.worker({ jobs: [sync, tick], schedules, concurrency: 5 }).start();
  for (let at = 0; at < 8; at += 1) await all[at % 2]?.enqueue(sync, { account: `a${at % 2}` });
  await expect.poll(() => ran.length, { timeout: 60_000 }).toBe(8);
  expect(doubles).toEqual([]);
  await expect.poll(() => ticks.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
  const mail = defineJob<{ to: string }>({ type: "mail.send", queue: "mail", unique: { by: ({ to }) => to } });
  const first = await all[0]?.enqueue(mail, { to: "ada" });
  await expect(all[1]?.enqueue(mail, { to: "ada" })).rejects.toMatchObject({ duplicateOf: first?.id });
  const sent = handlerFor(mail, () => undefined);
  await all[0]?.worker({ jobs: [sent], queues: ["mail"] }).start();
  await expect
    .poll(() => all[1]?.enqueue(mail, { to: "ada" }).catch(() => null), { timeout: 60_000, interval: 200 })
    .toMatchObject({ stored: true });
});

test("without a ledger, what needs one is refused, and the error says to give one", async () => {
  const url = `sqs://${region}/${freshPrefix()}?endpoint=${encodeURIComponent(emulator.endpoint)}`;
  const jobs = await connect(url, { log: "off" });
  onTestFinished(async () => {
    await jobs.close();
  });
  const limited = defineJob({ type: "crm.sync", limits: [{ concurrency: 1 }], handler: () => undefined });
  expect(() => jobs.worker({ jobs: [limited] })).toThrow(/needs a ledger/);
  const unique = defineJob({ type: "shop.sync", unique: {}, handler: () => undefined });
  await expect(jobs.enqueue(unique, {})).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  await expect(jobs.list({})).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  const tick = defineJob({ type: "tick", handler: () => undefined });
  const schedules = [defineSchedule({ name: "ticks", job: tick, payload: {}, every: "1s" })];
  expect(() => jobs.worker({ jobs: [tick], schedules })).toThrow(/ledger/);
});
