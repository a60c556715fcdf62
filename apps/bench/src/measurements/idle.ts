import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { defineSchedule } from "@waybill/core";
import { noopWith } from "../job.ts";
import { open } from "../open.ts";

export interface IdleInput {
  readonly directory: string;
  readonly seconds: number;
  /** How many schedules the worker declares, none of which ticks meanwhile. */
  readonly schedules: number;
}

/** Per cent of one core that a worker with nothing to do takes, from one second after its start. */
export async function idle(input: IdleInput): Promise<number> {
  const jobs = await open(`sqlite:${join(input.directory, "waybill.db")}`, "off");
  const noop = noopWith(() => undefined);
  const schedules = Array.from({ length: input.schedules }, (_, n) =>
    defineSchedule({ name: `schedule-${n}`, job: noop, payload: {}, cron: "0 0 1 1 *", timeZone: "Europe/Vienna" }),
  );
  const worker = jobs.worker({ jobs: [noop], concurrency: 10, schedules });
  await worker.start();
  await sleep(1_000);
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await sleep(input.seconds * 1_000);
  const used = process.cpuUsage(before);
  const elapsedUs = (performance.now() - startedAt) * 1_000;
  await worker.stop();
  await jobs.close();
  return ((used.user + used.system) / elapsedUs) * 100;
}
