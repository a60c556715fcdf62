import { expect, test } from "vitest";
import { connect, defineJob, type ErrorRecord, type LogLine } from "../../src/index.ts";
import { errorFrames } from "../../src/values/thrown.ts";

class CardDeclined extends Error {}

test("a log line of a failed attempt has the class, the message, the causes and where it was thrown", async () => {
  const lines: LogLine[] = [];
  const charge = defineJob({
    type: "card.charge",
    retry: { maxAttempts: 1 },
    handler: () => {
      throw new CardDeclined("no money", { cause: new RangeError("limit of 7") });
    },
  });
  const jobs = await connect("memory:", { log: (line) => void lines.push(line) });
  await jobs.worker({ jobs: [charge] }).start();
  await jobs.enqueue(charge, null);
  await expect.poll(() => lines.find(({ event }) => event === "settled")).toBeDefined();
  await jobs.close();
  const line = lines.find(({ event }) => event === "settled");
  expect(line).toMatchObject({
    error: {
      name: "CardDeclined",
      code: null,
      message: "no money",
      causes: [{ name: "RangeError", message: "limit of 7" }],
    },
    reason: { message: "attempt 1 of 1 failed: CardDeclined: no money; caused by RangeError: limit of 7" },
  });
  const { stack, causes } = (line as LogLine)["error"] as ErrorRecord;
  expect(stack[0]).toMatch(/^at .*where-it-failed\.test\.ts:\d+/);
  expect(causes[0]?.stack[0]).toMatch(/^at .*where-it-failed\.test\.ts:\d+/);
  expect(stack.length).toBeLessThanOrEqual(8);
});

test("frames of the program come before those of its packages and of Node", () => {
  const error = Object.assign(new Error("x"), {
    stack: [
      "Error: x",
      "    at process.processTicksAndRejections (node:internal/process/task_queues:103:5)",
      "    at Stripe.charge (/srv/app/node_modules/stripe/lib/stripe.js:1:2)",
      "    at pay (/srv/app/src/pay.ts:7:9)",
    ].join("\n"),
  });
  expect(errorFrames(error)).toEqual([
    "at pay (/srv/app/src/pay.ts:7:9)",
    "at process.processTicksAndRejections (node:internal/process/task_queues:103:5)",
    "at Stripe.charge (/srv/app/node_modules/stripe/lib/stripe.js:1:2)",
  ]);
  expect([errorFrames("text"), errorFrames(null), errorFrames({ stack: 7 })]).toEqual([[], [], []]);
});
