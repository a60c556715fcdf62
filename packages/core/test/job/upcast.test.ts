import { expect, test } from "vitest";
import { z } from "zod";
import { defineJob, newId, type Outcome } from "../../src/index.ts";
import { createHandlerRegistry, execute } from "../../src/exports/endpoint.ts";

const seen: unknown[] = [];

const charge = defineJob({
  type: "card.charge",
  version: 3,
  payload: z.object({ cents: z.number(), currency: z.string() }),
  upcasters: {
    1: (old) => ({ cents: (old as { euros: number }).euros * 100 }),
    2: (old) => ({ ...(old as object), currency: "EUR" }),
  },
  handler: (payload) => void seen.push(payload),
});

function run(version: number | undefined, payload: unknown, job = charge): Promise<Outcome> {
  const meta = version === undefined ? {} : { meta: { payload_version: version } };
  const body = JSON.stringify({ spec: "waybill/1", id: newId(), type: job.type, args: [payload], ...meta });
  const counts = { attempt: 1, lost: 0, releases: 0, dueAt: null };
  return execute({ body, ...counts, signature: null, label: null, worker: "test" }, createHandlerRegistry([job]));
}

test.each([
  ["without a version, which is the first", undefined, { euros: 5 }, { cents: 500, currency: "EUR" }],
  ["of the first version", 1, { euros: 5 }, { cents: 500, currency: "EUR" }],
  ["of the second", 2, { cents: 7 }, { cents: 7, currency: "EUR" }],
  ["of the version known here", 3, { cents: 7, currency: "USD" }, { cents: 7, currency: "USD" }],
])("a payload %s reaches the handler in today's shape", async (_, version, payload, expected) => {
  seen.length = 0;
  expect(await run(version, payload)).toEqual({ kind: "completed" });
  expect(seen).toEqual([expected]);
});

test("what an upcaster makes is checked by the schema, and one that throws makes a payload that does not fit", async () => {
  const strange = await run(1, { euros: "five" });
  expect(strange).toMatchObject({ kind: "dead", reason: { code: "PAYLOAD_INVALID" } });
  const thrown = await run(1, null);
  expect(thrown).toMatchObject({ kind: "dead", reason: { code: "PAYLOAD_INVALID" } });
  expect(thrown.kind === "dead" && thrown.reason.message).toMatch(/the upcaster from version 1 threw/);
});

test("a version that has no upcaster reads as the next one", async () => {
  seen.length = 0;
  const job = defineJob({
    type: "gap",
    version: 3,
    upcasters: { 2: (old) => [old] },
    handler: (payload) => void seen.push(payload),
  });
  await run(1, "first", job as never);
  expect(seen).toEqual([["first"]]);
});

test.each([0, 3, 1.5])("an upcaster from version %d, which no older payload can have, is refused", (from) => {
  const make = () => defineJob({ type: "t", version: 3, upcasters: { [from]: (old) => old } });
  expect(make).toThrow(/give those from 1 to 2/);
});

test("a payload newer than the version known here is put back for a newer worker, its attempt unspent", async () => {
  seen.length = 0;
  expect(await run(4, { cents: 7, currency: "USD" })).toMatchObject({
    kind: "release",
    reason: { code: "JOB_UNKNOWN" },
  });
  expect(seen).toEqual([]);
});
