import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, keyRing, newSecret } from "@waybill/core";
import { expect, test } from "vitest";
import { createReceiver, native } from "../../src/index.ts";
import { ReplayWindow } from "../../src/endpoint/replay-window.ts";
import { envelope } from "../support/daemon-request.ts";
import { keys, post, receiving, signed } from "../support/signed-requests.ts";

test("a request is known for as long as it is fresh, and takes no memory after that", () => {
  let now = 1_000_000;
  const seen = new ReplayWindow<null>(() => now);
  for (let second = 0; second < 3_600; second++) {
    now += 1_000;
    const freshUntil = now + 300_000;
    for (const name of ["a", "b", "c"]) seen.remember({ name, freshUntil }, null);
    expect(seen.find({ name: "b", freshUntil: now + 1_000 })).toBe(second >= 299 ? null : undefined);
  }
  expect(seen.find({ name: "d", freshUntil: now })).toBeUndefined();
  expect(seen.size).toBeGreaterThanOrEqual(3 * 300);
  expect(seen.size).toBeLessThan(3 * 320);
});

test("of more requests than it can store the oldest are forgotten", () => {
  const seen = new ReplayWindow<null>(() => 0, 1_000);
  const once = (at: number) => ({ name: `${at}`, freshUntil: Math.floor(at / 10) }) as const;
  for (let at = 0; at < 5_000; at += 1) seen.remember(once(at), null);
  expect(seen.size).toBeLessThanOrEqual(1_000);
  expect([seen.find(once(4_999)), seen.find(once(0))]).toEqual([null, undefined]);
});

test("a carrier's own tolerance is how long its requests are known, whatever the endpoint's is", async () => {
  let runs = 0;
  const counted = defineJob({ type: "counted", handler: () => void (runs += 1) });
  const own = native({ keys, tolerance: "1h" });
  const { url } = await receiving({ jobs: [counted], keys: newSecret(), tolerance: "20ms", carriers: [own] });
  const body = envelope("counted");
  const headers = signed(body);
  expect((await post(url, body, { headers })).status).toBe(200);
  await sleep(50);
  expect((await post(url, body, { headers })).status).toBe(403);
  expect(runs).toBe(1);
});

test("a tolerance that no carrier uses is refused: each carrier that checks the time has its own", () => {
  const carriers = [native({ keys: keyRing(newSecret()) })];
  const jobs = [defineJob({ type: "any", handler() {} })];
  expect(() => createReceiver({ jobs, carriers, log: "off", tolerance: "1h" })).toThrow(
    "tolerance applies to requests signed with `keys`: give those, or native({ keys, tolerance })",
  );
});
