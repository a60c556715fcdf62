import { expect, test } from "vitest";
import { z } from "zod";
import { defineJob, EventBus, keyRing, newId, newSecret, type Telemetry } from "../../src/index.ts";
import { createHandlerRegistry, type Delivery, execute, signedWrapper } from "../../src/exports/endpoint.ts";

const ran: unknown[] = [];
const strict = defineJob({
  type: "strict.run",
  payload: z.object({ n: z.number() }),
  handler: (payload, job) => void ran.push([payload, job.delivery.body]),
});

const envelope = (more: object = {}): string =>
  JSON.stringify({ spec: "waybill/1", id: newId(), type: "strict.run", args: [{ n: 1 }], ...more });

function delivery(body: string): Delivery {
  return { body, attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null, worker: "test" };
}

test("of a signed wrapper the envelope inside runs, with its own body and signature", async () => {
  const keys = keyRing(newSecret());
  const body = envelope();
  const wrapper = signedWrapper(keys, body);
  ran.length = 0;
  const registry = createHandlerRegistry([strict], { signatures: "required", keys });
  expect(await execute(delivery(wrapper), registry)).toEqual({ kind: "completed" });
  expect(ran).toEqual([[{ n: 1 }, body]]);
});

test("an invalid envelope inside a wrapper is rejected for its own fault, any other body for its own", async () => {
  const registry = createHandlerRegistry([strict]);
  const whole = JSON.parse(signedWrapper(newSecret(), envelope())) as { envelope: string };
  const wrapper = JSON.stringify({ ...whole, envelope: whole.envelope.replace("strict.run", "No Type") });
  const rejected = { kind: "dead", kept: true, rejected: true };
  expect(await execute(delivery(wrapper), registry)).toMatchObject({ ...rejected, reason: { code: "TYPE_INVALID" } });
  expect(await execute(delivery("no json"), registry)).toMatchObject({ ...rejected, reason: { code: "JSON_SYNTAX" } });
});

test("a payload that the schema refuses ends the job, and an error of the schema itself is a failed attempt", async () => {
  const registry = createHandlerRegistry([strict]);
  const wrong = envelope({ args: [{ n: "one" }] });
  expect(await execute(delivery(wrong), registry)).toMatchObject({ kind: "dead", reason: { code: "PAYLOAD_INVALID" } });
  const broken = defineJob({
    type: "strict.run",
    payload: z.unknown().refine(() => {
      throw new TypeError("the schema broke");
    }),
    handler() {},
  });
  expect(await execute(delivery(envelope()), createHandlerRegistry([broken]))).toMatchObject({
    kind: "retry",
    error: new TypeError("the schema broke"),
  });
});

test("a run emits started and finished, and one that ends before its handler emits finished alone", async () => {
  const events = new EventBus();
  const seen: unknown[] = [];
  events.on("started", ({ type }) => void seen.push(["started", type]));
  events.on("finished", ({ outcome, durationMs }) => void seen.push(["finished", outcome, durationMs > 0]));
  const slow = defineJob({ type: "strict.run", handler: () => new Promise((resolve) => setTimeout(resolve, 5)) });
  const registry = createHandlerRegistry([slow], { events });
  await execute(delivery(envelope()), registry);
  await execute(delivery(envelope({ expires_at: "2020-01-01T00:00:00Z" })), registry);
  expect(seen).toEqual([
    ["started", "strict.run"],
    ["finished", "completed", true],
    ["finished", "dead", false],
  ]);
});

test("telemetry has a span for each delivery, also for one that is no envelope, around the handler", async () => {
  const spans: unknown[] = [];
  let isWithin = false;
  const telemetry: Telemetry = {
    send: () => ({ trace: null, end() {} }),
    process: ({ type, registered }) => {
      spans.push([type, registered]);
      return {
        within: (work) => {
          isWithin = true;
          return work();
        },
        end: ({ outcome }) => void spans.push(outcome),
      };
    },
    settled() {},
  };
  const registry = createHandlerRegistry([strict], { telemetry });
  await execute(delivery(envelope()), registry);
  expect(isWithin).toBe(true);
  await execute(delivery("no json"), registry);
  expect(spans).toEqual([["strict.run", true], "completed", ["", false], "dead"]);
});
