import { defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { createReceiver } from "../../src/index.ts";
import { envelope } from "../support/daemon-request.ts";
import { keys, receiving } from "../support/signed-requests.ts";

test("a receiver does not start with a job that has limits, which nothing would keep there", () => {
  const free = defineJob({ type: "free", handler() {} });
  for (const limit of [{ key: "api", rate: "100/1s" }, { concurrency: 1 }] as const) {
    const job = defineJob({ type: "sync.customer", limits: [limit], handler() {} });
    expect(() => createReceiver({ jobs: [free, job], keys, log: "off" })).toThrow(
      expect.objectContaining({
        code: "CAPABILITY_MISSING",
        message: expect.stringMatching(/^job "sync\.customer" has limits, .* run it in a worker, .*createRelay/),
      }),
    );
  }
});

test("a receiver does not start with a job that has a result, which nothing would keep there", () => {
  const job = defineJob({ type: "photo.resize", result: z.string(), handler: () => "url" });
  expect(() => createReceiver({ jobs: [job], keys, log: "off" })).toThrow(
    expect.objectContaining({
      code: "CAPABILITY_MISSING",
      message: expect.stringMatching(/^job "photo\.resize" has a result, .* run it in a worker/),
    }),
  );
});

test("once in a pushed job is refused before its function runs, and the sender learns why", async () => {
  let charged = 0;
  const pay = defineJob({ type: "pay", handler: (_, job) => job.once("charge", () => void (charged += 1)) });
  const { push, lines } = await receiving({ jobs: [pay] });
  const response = await push(envelope("pay"));
  expect(response.json).toMatchObject({ code: "CAPABILITY_MISSING" });
  expect(charged).toBe(0);
  const settled = lines.find(({ event }) => event === "settled");
  expect(settled).toMatchObject({
    reason: { code: "CAPABILITY_MISSING", message: expect.stringContaining("run it by a worker") },
  });
});
