import { newSecret } from "@waybill/core";
import { describe, expect, test } from "vitest";
import type { Carrier } from "../../src/push/carrier.ts";
import { cloudTasks, native, pubsub, qstash, sqsd } from "../../src/index.ts";
import { settlementOf, type Settlement } from "../../src/sender/settlement.ts";
import { asked } from "../support/plain-request.ts";

// Whatever number a request has, a count is one of push.md and a delay is one that a queue can keep.

const NUMBERS = [
  "0",
  "1",
  "7",
  "999999999",
  "1000000000",
  "99999999999999999999",
  "1e9",
  "-1",
  "0x10",
  "NaN",
  "",
  "1.5",
  "Infinity",
  " 1",
  "1, 2",
];
const google = { audience: "https://app.example/work", serviceAccounts: ["push@shop.example"], jwks: { keys: [] } };
const key = "k".repeat(20);

/** Each header with a count, of the carriers that verify without the body. */
const COUNTED: readonly (readonly [string, Carrier, readonly string[]])[] = [
  ["native", native({ keys: "unsigned" }), ["waybill-attempt", "waybill-lost", "waybill-releases"]],
  ["sqsd", sqsd({ keys: "unsigned" }), ["x-aws-sqsd-receive-count"]],
  ["cloudTasks", cloudTasks(google), ["x-cloudtasks-taskexecutioncount"]],
];

describe.each(COUNTED)("%s", (_, carrier, names) => {
  test.each(NUMBERS)("counts within bounds where every count is %j", async (text) => {
    const headers = Object.fromEntries(names.map((name) => [name, text]));
    const delivery = await carrier.authenticate(asked("{}", { headers }), Buffer.from("{}"));
    for (const [count, least] of [
      [delivery?.attempt, 1],
      [delivery?.lost, 0],
      [delivery?.releases, 0],
    ] as const) {
      expect(Number.isSafeInteger(count)).toBe(true);
      expect(count).toBeGreaterThanOrEqual(least);
      expect(count).toBeLessThanOrEqual(999_999_999);
    }
  });
});

test.each(["attempt=999999999 lost=999999999 releases=999999999", "attempt=1e9 lost=0 releases=0"])(
  "sqsd adds to the counts of a worker up to the limit: %s",
  async (counts) => {
    const headers = { "x-aws-sqsd-attr-waybill-delivery": counts, "x-aws-sqsd-receive-count": "999999999" };
    const delivery = await sqsd({ keys: "unsigned" }).authenticate(asked("{}", { headers }), Buffer.from("{}"));
    expect(delivery?.attempt).toBe(999_999_999);
  },
);

test.each([0, -1, 1.5, 1e9, 2 ** 60, Number.MAX_VALUE, "5", null])(
  "pubsub reads deliveryAttempt %j as a count or as none",
  async (deliveryAttempt) => {
    const body = Buffer.from(
      JSON.stringify({ deliveryAttempt, message: { data: Buffer.from("{}").toString("base64") } }),
    );
    const delivery = await pubsub(google).authenticate(asked(body), body);
    expect(delivery?.attempt).toBe(1);
  },
);

test("qstash has a bound as well", () => {
  expect(() => qstash({ currentKey: key, nextKey: key, url: google.audience, maxWaiting: 1e99 })).toThrow(
    "maxWaiting of qstash",
  );
  expect(() => native({ keys: newSecret(), tolerance: -1 })).toThrow("tolerance");
});

/** Every response that sets a delay, in every form. */
const RESPONSES = [
  [500, { "waybill-outcome": "retry", "waybill-reason": "E" }],
  [429, { "waybill-outcome": "release", "waybill-reason": "E" }],
  [429, { "waybill-outcome": "release" }],
  [429, {}],
  [503, {}],
  [307, {}],
] as const;
const DATES = ["Sun, 22 Nov 2026 10:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"];

describe.each(RESPONSES)("a response %i %j", (status, said) => {
  test.each(["waybill-delay-ms", "retry-after"])("is obeyed within bounds, whatever %s says", (name) => {
    for (const text of [...NUMBERS, ...DATES, "31536000000", "999999999999"]) {
      const headers = { ...said, [name]: text };
      const settlement = settlementOf({ kind: "responded", status, headers, body: "", whole: true }, "there");
      const delayMs = delayOf(settlement);
      if (delayMs === null) continue;
      expect(delayMs, text).toBeGreaterThanOrEqual(100);
      expect(delayMs, text).toBeLessThanOrEqual(settlement.kind === "decided" ? 604_800_000 : 3_600_000);
    }
  });
});

function delayOf(settlement: Settlement): number | null {
  if (settlement.kind === "undelivered") return settlement.delayMs;
  if (settlement.kind !== "decided" || !("delayMs" in settlement.outcome)) return null;
  return settlement.outcome.delayMs;
}
