import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { InFlightJob } from "../../src/worker/in-flight-job.ts";
import { lease } from "../helpers/lease.ts";

test("a lease runs out at its expiry, unless it was renewed", async () => {
  const job = new InFlightJob({ ...lease, expiresAt: Date.now() + 20 });
  const renewed = new InFlightJob({ ...lease, expiresAt: Date.now() + 20 });
  expect([job.hasExpired, renewed.hasExpired]).toEqual([false, false]);
  renewed.renew(Date.now() + 10_000);
  await sleep(40);
  expect([job.hasExpired, renewed.hasExpired]).toEqual([true, false]);
});

test("a lease needs renewal once a third of it is spent", () => {
  const leftMs = (ms: number) => new InFlightJob({ ...lease, expiresAt: Date.now() + ms });
  expect(leftMs(900).needsRenewal(900)).toBe(false);
  expect(leftMs(700).needsRenewal(900)).toBe(false);
  expect(leftMs(500).needsRenewal(900)).toBe(true);
});

test("a lease that lasts as long as the connection never runs out, and is confirmed as often", async () => {
  const job = new InFlightJob({ ...lease, expiresAt: null });
  expect(job.needsRenewal(30)).toBe(false);
  await sleep(20);
  expect([job.hasExpired, job.needsRenewal(30)]).toEqual([false, true]);
  job.renew(null);
  expect(job.needsRenewal(30)).toBe(false);
});
