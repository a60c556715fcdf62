import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type WaybillError } from "@waybill/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { envelope } from "./daemon-request.ts";
import { gate, now, receiving } from "./pushing.ts";

/** A job that ends when the test says so, or when it is aborted, unless it is deaf. */
function patient({ deaf = false } = {}) {
  const { opened, open } = gate();
  const reasons: string[] = [];
  const job = defineJob({
    type: "patient",
    handler: (_, { signal }) =>
      new Promise<void>((resolve, reject) => {
        void opened.then(resolve);
        signal.addEventListener("abort", () => {
          reasons.push((signal.reason as WaybillError).code);
          if (!deaf) reject(signal.reason as Error);
        });
      }),
  });
  return { job, open, reasons };
}

test("stop lets what runs finish and tells what comes to come back, on a connection that closes", async () => {
  const { job, open, reasons } = patient();
  const { push, receiver, lines, underway } = await receiving({ jobs: [job] });
  const body = envelope("patient");
  const running = push(body);
  await expect.poll(() => receiver.load().running).toBe(1);
  const stopped = receiver.stop({ reason: "SIGTERM" });
  expect(receiver.load().draining).toBe(true);

  const refused = await push(envelope("patient"));
  expect(refused).toMatchObject({ status: 503, json: { code: "DRAINING" } });
  expect(Object.fromEntries(refused.headers)).toMatchObject({
    connection: "close",
    "retry-after": "1",
    "waybill-outcome": "release",
  });
  const joined = push(body, { as: { timestamp: now() - 5 } });
  await underway(2);

  open();
  expect([(await running).status, (await joined).status]).toEqual([200, 200]);
  const report = await stopped;
  expect(report).toMatchObject({ reason: "SIGTERM", completed: 1, released: 0, unfinished: 0 });
  expect(reasons).toEqual([]);
  expect((await push(envelope("patient"))).status).toBe(503);
  expect(lines.at(-1)).toMatchObject({ event: "stopped", ...report });
});

test("a job that outlasts the drain is aborted and goes back without an attempt spent", async () => {
  const { job, reasons } = patient();
  const { push, receiver } = await receiving({ jobs: [job] });
  const running = push(envelope("patient"));
  await expect.poll(() => receiver.load().running).toBe(1);
  const report = await receiver.stop({ drain: 20, abort: "5s" });
  expect(reasons).toEqual(["SHUTDOWN"]);
  expect(report).toMatchObject({ released: 1, retried: 0, unfinished: 0 });
  const answer = await running;
  expect(answer).toMatchObject({ status: 429, json: { code: "SHUTDOWN" } });
  expect(answer.headers.get("waybill-delay-ms")).toBe("0");
});

test("a handler deaf to its abort does not hold up the stop: its job goes back, and it counts as unfinished", async () => {
  const { job, open, reasons } = patient({ deaf: true });
  const { push, receiver } = await receiving({ jobs: [job] });
  const running = push(envelope("patient"));
  await expect.poll(() => receiver.load().running).toBe(1);
  const startedAt = performance.now();
  const report = await receiver.stop({ drain: 20, abort: 50 });
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(reasons).toEqual(["SHUTDOWN"]);
  expect(report).toMatchObject({ released: 1, unfinished: 1 });
  expect((await running).json).toMatchObject({ code: "SHUTDOWN" });
  open();
});

test("a second stop skips the draining and answers the same report", async () => {
  const { job, reasons } = patient();
  const { push, receiver } = await receiving({ jobs: [job] });
  const running = push(envelope("patient"));
  await expect.poll(() => receiver.load().running).toBe(1);
  const first = receiver.stop({ drain: "1h" });
  await sleep(10);
  expect(reasons).toEqual([]);
  expect(await receiver.stop()).toBe(await first);
  expect((await running).json).toMatchObject({ code: "SHUTDOWN" });
});

test("an idle receiver stops at once, and what its report says adds up", async () => {
  const outcomes = defineJob({
    type: "counted",
    payload: z.object({ fails: z.string().optional() }),
    retry: { maxAttempts: 2 },
    handler: ({ fails }) => (fails ? Promise.reject(new Error("no")) : undefined),
  });
  const { push, receiver, lines } = await receiving({ jobs: [outcomes] });
  await push(envelope("counted"));
  await push(envelope("counted", { fails: "yes" }));
  await push(envelope("counted", { fails: "yes" }), { headers: { "waybill-attempt": "2" } });
  await push(envelope("nobody.knows"));
  await push(envelope("counted"), { as: { id: "forged" } });
  const report = await receiver.stop({ drain: "1h", abort: "1h" });
  expect(report).toMatchObject({ completed: 1, retried: 1, released: 1, dead: 1, lost: 0, unfinished: 0 });
  expect(lines.filter(({ event }) => event === "settled")).toHaveLength(4);
});
