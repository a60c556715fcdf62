import { defineJob, type Duration, newSecret } from "@waybill/core";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createReceiver, sqsd, type SqsdOptions } from "../../src/index.ts";

/** What a program is warned of that starts with these settings of the daemon, and one job. */
async function warned(options: Omit<SqsdOptions, "keys">, timeout: Duration, concurrency = 10): Promise<string | null> {
  const slow = defineJob({ type: "slow", timeout, handler: () => {} });
  const stop = new AbortController();
  const warning = once(process, "warning", { signal: stop.signal }).then(
    ([error]) => (error as Error).message,
    () => null,
  );
  createReceiver({ jobs: [slow], carriers: [sqsd({ keys: newSecret(), ...options })], concurrency, log: "off" });
  await turn();
  stop.abort();
  return warning;
}

test("R8: a job that may outlast the daemon's InactivityTimeout or VisibilityTimeout is warned of at the start", async () => {
  const few = { httpConnections: 10 };
  expect(await warned(few, "299s")).toMatch(/sqsd waits 299000 ms \(its InactivityTimeout\).*"slow": 299000 ms/);
  expect(await warned({ ...few, inactivityTimeout: "1h" }, "300s")).toMatch(
    /waits 300000 ms \(its VisibilityTimeout\)/,
  );
  expect(await warned({ ...few, inactivityTimeout: "1h", visibilityTimeout: "2h" }, "30m")).toBeNull();
  expect(await warned(few, "298s")).toBeNull();
});

test("R8: more connections than slots are warned of where the last would wait longer than the daemon", async () => {
  expect(await warned({ httpConnections: 50 }, "60s", 10)).toMatch(
    /with 50 requests for 10 slots the last may wait and run for 300000 ms/,
  );
  expect(await warned({ httpConnections: 50 }, "59s", 10)).toBeNull();
});
