import { keyRing, newSecret } from "@waybill/core";
import { freePort, makeSqsQueue, startFauxqsHere, startSqsd } from "@waybill/test-servers";
import { expect, test } from "vitest";
import { newRecord, startApp } from "../../support/app-process.ts";
import { envelope, idIn, signedAttributes } from "../../support/daemon-request.ts";

const JOBS = 120;
const SLOTS = 5;

test("R8: an application that is restarted under load by the daemon loses no job, and no healthy job becomes a dead letter", async () => {
  const sqs = await startFauxqsHere();
  const endpoint = `http://127.0.0.1:${sqs.port}`;
  const queue = await makeSqsQueue(endpoint, "restarts", 10);
  const secret = newSecret();
  const record = newRecord();
  const port = await freePort();
  const start = () => startApp({ secret, record, port, concurrency: SLOTS, runMs: 30 });
  let app = await start();
  const ids = await Promise.all(
    Array.from({ length: JOBS }, async () => {
      const body = envelope("work");
      await queue.send(body, signedAttributes(body, idIn(body), keyRing(secret)));
      return idIn(body);
    }),
  );
  const postTo = `http://127.0.0.1:${port}/work`;
  const daemon = startSqsd({ endpoint, queueUrl: queue.url, postTo, httpConnections: 20, errorVisibilityTimeout: 1 });
  try {
    for (const [signal, after] of [
      ["SIGTERM", 15],
      ["SIGKILL", 40],
      ["SIGTERM", 65],
    ] as const) {
      await expect.poll(() => record.ended().length, { timeout: 20_000 }).toBeGreaterThan(after);
      await app.end(signal);
      app = await start();
    }
    await expect.poll(() => queue.count(), { timeout: 30_000 }).toBe(0);
    const ended = record.ended();
    expect(new Set(ended)).toEqual(new Set(ids));
    expect(await queue.deadCount()).toBe(0);
    expect(Math.max(...record.started().map(({ running }) => running))).toBe(SLOTS);
    // The response follows the job's end: jobs killed in between ran twice, at most as many as there are slots.
    expect(ended.length).toBeLessThanOrEqual(JOBS + SLOTS);
    expect(daemon.posts.every(({ result }) => result === 200 || result === 503 || typeof result === "string")).toBe(
      true,
    );
  } finally {
    await daemon.stop();
    await app.end("SIGKILL");
    await sqs.stop();
    record.remove();
  }
});
