/** What packages/core/test/values/hostile-throws.test.ts shows of a worker, by every other way a handler is called. */
import { defineJob, type LogLine, newId } from "@waybill/core";
import { createReceiver, native, type ReceiverOptions } from "@waybill/http";
import { sqsHandler } from "@waybill/sqs";
import { describe, expect, test } from "vitest";
import { hostileValues } from "../packages/core/test/helpers/hostile-values.ts";

/** JSON may write one character as six. */
const LONGEST_ANSWER = 6 * 2_000 + 1_000;

let value: unknown;
const job = defineJob({
  type: "throws",
  retry: { maxAttempts: 2, initial: 1 },
  handler() {
    throw value;
  },
});

const body = (): string => JSON.stringify({ spec: "waybill/1", id: newId(), type: "throws", args: [{}] });

const lines: LogLine[] = [];

function receiving(more: Partial<ReceiverOptions> = {}) {
  const log = (line: LogLine): void => void lines.push(line);
  const receiver = createReceiver({ jobs: [job], keys: "unsigned", concurrency: 1, log, ...more } as ReceiverOptions);
  return async (attempt: number): Promise<{ status: number; outcome: string | null; text: string }> => {
    const headers = { "waybill-attempt": String(attempt), "content-type": "application/json" };
    const answer = await receiver(new Request("http://127.0.0.1/work", { method: "POST", headers, body: body() }));
    return { status: answer.status, outcome: answer.headers.get("waybill-outcome"), text: await answer.text() };
  };
}

describe("a receiver of one place", () => {
  const push = receiving();

  test.each(hostileValues)("answers $name as a failed attempt, and as dead after the last", async ({ make }) => {
    value = make();
    const [first, last] = [await push(1), await push(2)];
    expect([first.status, first.outcome]).toEqual([500, "retry"]);
    expect([last.status, last.outcome]).toEqual([422, "dead"]);
    expect(Math.max(first.text.length, last.text.length)).toBeLessThan(LONGEST_ANSWER);
    const logged = lines.splice(0).map((line) => JSON.stringify(line).length);
    expect(Math.max(...logged)).toBeLessThan(3 * LONGEST_ANSWER);
  });
});

test("a keepDead that rejects with any value is a 503, and the job may come again", async () => {
  const push = receiving({
    carriers: [{ ...native({ keys: "unsigned" }), settlesByOutcome: false }],
    keepDead: () => Promise.reject(value),
  });
  for (const { make } of hostileValues) {
    value = make();
    expect(await push(2)).toMatchObject({ status: 503, outcome: "release" });
  }
});

test("a body whose stream breaks with any value is answered, and the place is free for the next", async () => {
  const receiver = createReceiver({ jobs: [job], keys: "unsigned", concurrency: 1, log: "off" });
  for (const { make } of hostileValues) {
    const broken = new ReadableStream({ start: (controller) => controller.error(make()) });
    const request = new Request("http://127.0.0.1/work", { method: "POST", body: broken, duplex: "half" });
    expect((await receiver(request)).status).toBe(400);
  }
});

test("a Lambda function reports every message whose handler throws any value, and no other", async () => {
  const fine = defineJob({ type: "fine", handler() {} });
  const handler = sqsHandler({ jobs: [job, fine] });
  const good = JSON.stringify({ spec: "waybill/1", id: newId(), type: "fine", args: [{}] });
  for (const { make } of hostileValues) {
    value = make();
    const Records = [body(), good].map((text, at) => ({ messageId: `${at}`, body: text, attributes: {} }));
    expect(await handler({ Records })).toEqual({ batchItemFailures: [{ itemIdentifier: "0" }] });
  }
});
