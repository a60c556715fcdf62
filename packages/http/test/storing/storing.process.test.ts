import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import { startRedis } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { createIngress, createRelay } from "../../src/index.ts";
import { envelope, idIn } from "../support/daemon-request.ts";
import { keys, post, serving, signed } from "../support/signed-requests.ts";

test("with Redis killed under it, what an ingress and a relay accepted is there afterwards, and the rest was refused in time with a Retry-After", async () => {
  const redis = await startRedis({ appendfsync: "always" });
  const jobs = await connect(redis.url, { log: "off", enqueueTimeout: "1s" });
  onTestFinished(async () => {
    await jobs.close();
    await redis.stop();
  });
  const [ingress, relay] = [
    await serving(createIngress({ to: jobs, keys })),
    await serving(createRelay({ to: jobs, keys })),
  ];
  const endpoints = [`${ingress}/jobs`, `${relay}/work`];
  const accepted: string[] = [];

  async function hand(to: string): Promise<number> {
    const body = envelope("mail.send");
    const startedAt = performance.now();
    const { status, headers, text } = await post(to, body, {
      headers: signed(body, to.endsWith("/jobs") ? { asJob: true } : {}),
    });
    // Promised: within the connection's own timeout, here a second.
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    if (status === 200) accepted.push(idIn(body));
    else {
      const shown = { status, outcome: headers.get("waybill-outcome"), retryAfter: headers.get("retry-after") };
      expect(shown).toEqual({ status: 503, outcome: "release", retryAfter: "5" });
      expect(text).not.toContain(String(redis.port));
    }
    return status;
  }

  const ended = new AbortController();
  const load = endpoints.flatMap((to) =>
    Array.from({ length: 4 }, async () => {
      while (!ended.signal.aborted) if ((await hand(to)) !== 200) await sleep(50);
    }),
  );
  await expect.poll(() => accepted.length).toBeGreaterThan(50);
  await redis.kill();
  for (const to of endpoints) expect(await hand(to)).toBe(503);
  const before = accepted.length;
  await redis.restart();
  await expect.poll(() => accepted.length, { timeout: 20_000 }).toBeGreaterThan(before + 50);
  ended.abort();
  await Promise.all(load);

  const there = new Set<string>();
  const job = defineJob({ type: "mail.send", handler: (_, { id }) => void there.add(id) });
  await jobs.worker({ jobs: [job], concurrency: 50 }).start();
  await expect.poll(() => accepted.filter((id) => !there.has(id)), { timeout: 20_000 }).toEqual([]);
});
