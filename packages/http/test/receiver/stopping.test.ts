import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type WaybillError } from "@waybill/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { envelope } from "../support/daemon-request.ts";
import { gate, now, receiving } from "../support/signed-requests.ts";

/** A job that ends when the test opens the gate, or when it is aborted, unless it ignores the abort. */
function waiting({ ignoresAbort = false } = {}) {
  const { opened, open } = gate();
  const reasons: string[] = [];
  const job = defineJob({
    type: "waiting",
    handler: (_, { signal }) =>
      new Promise<void>((resolve, reject) => {
        void opened.then(resolve);
        signal.addEventListener("abort", () => {
          reasons.push((signal.reason as WaybillError).code);
          if (!ignoresAbort) reject(signal.reason as Error);
        });
      }),
  });
  return { job, open, reasons };
}

test("stop lets running jobs finish and refuses new ones with a Retry-After, on a connection that closes", async () => {
  const { job, open, reasons } = waiting();
  const { push, receiver, lines, underway } = await receiving({ jobs: [job] });
  const body = envelope("waiting");
  const running = push(body);
  await expect.poll(() => receiver.load().running).toBe(1);
  const stopped = receiver.stop({ reason: "SIGTERM" });
  expect(receiver.load().draining).toBe(true);

  const refused = await push(envelope("waiting"));
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
  expect((await push(envelope("waiting"))).status).toBe(503);
  expect(lines.at(-1)).toMatchObject({ event: "stopped", ...report });
});

test("a job that outlasts the drain is aborted and released without an attempt spent", async () => {
  const { job, reasons } = waiting();
  const { push, receiver } = await receiving({ jobs: [job] });
  const running = push(envelope("waiting"));
  await expect.poll(() => receiver.load().running).toBe(1);
  const report = await receiver.stop({ drain: 20, abort: "5s" });
  expect(reasons).toEqual(["SHUTDOWN"]);
  expect(report).toMatchObject({ released: 1, retried: 0, unfinished: 0 });
  const response = await running;
  expect(response).toMatchObject({ status: 429, json: { code: "SHUTDOWN" } });
  expect(response.headers.get("waybill-delay-ms")).toBe("0");
});

test("a handler that is unresponsive to its abort does not delay the stop: its job is released, and counts as unfinished", async () => {
  const { job, open, reasons } = waiting({ ignoresAbort: true });
  const { push, receiver } = await receiving({ jobs: [job] });
  const running = push(envelope("waiting"));
  await expect.poll(() => receiver.load().running).toBe(1);
  const startedAt = performance.now();
  const report = await receiver.stop({ drain: 20, abort: 50 });
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(reasons).toEqual(["SHUTDOWN"]);
  expect(report).toMatchObject({ released: 1, unfinished: 1 });
  expect((await running).json).toMatchObject({ code: "SHUTDOWN" });
  open();
});

test("a second stop skips the draining and returns the same report", async () => {
  const { job, reasons } = waiting();
  const { push, receiver } = await receiving({ jobs: [job] });
  const running = push(envelope("waiting"));
  await expect.poll(() => receiver.load().running).toBe(1);
  const first = receiver.stop({ drain: "1h" });
  await sleep(10);
  expect(reasons).toEqual([]);
  expect(await receiver.stop()).toBe(await first);
  expect((await running).json).toMatchObject({ code: "SHUTDOWN" });
});

test("an idle receiver stops at once, and the counts of its report are correct", async () => {
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
  await push(envelope("unknown.type"));
  await push(envelope("counted"), { as: { id: "forged" } });
  const report = await receiver.stop({ drain: "1h", abort: "1h" });
  expect(report).toMatchObject({ completed: 1, retried: 1, released: 1, dead: 1, lost: 0, unfinished: 0 });
  expect(lines.filter(({ event }) => event === "settled")).toHaveLength(4);
});
