import { keyRing, newSecret } from "@waybill/core";
import { freePort, makeSqsQueue, startFauxqsHere, startSqsd } from "@waybill/test-servers";
import { expect, test } from "vitest";
import { newRecord, startApp } from "./app-process.ts";
import { envelope, idIn, signedAttributes } from "./daemon-request.ts";

const JOBS = 120;
const PLACES = 5;

test("R8: an application that is restarted under load by the daemon loses no job, and buries none that is healthy", async () => {
  const sqs = await startFauxqsHere();
  const endpoint = `http://127.0.0.1:${sqs.port}`;
  const queue = await makeSqsQueue(endpoint, "restarts", 10);
  const secret = newSecret();
  const record = newRecord();
  const port = await freePort();
  const start = () => startApp({ secret, record, port, concurrency: PLACES, runMs: 30 });
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
    expect(Math.max(...record.started().map(({ running }) => running))).toBe(PLACES);
    // An answer is told after the job's end: what the kill took in between ran twice, and no more than had a place.
    expect(ended.length).toBeLessThanOrEqual(JOBS + PLACES);
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
