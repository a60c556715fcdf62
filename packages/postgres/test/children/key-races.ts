/**
 * Enqueues jobs with unique keys, or leases jobs and ends their leases in every way. Prints the code of each error that no rule
 * explains. A producer prints "done" at its end; a worker prints "ready" and runs until it is killed.
 */
import { parseArgs } from "node:util";
import { describeError, isWaybillError } from "@waybill/core";
import type { Lease } from "@waybill/core/backend";
import { context, lease, message } from "@waybill/test-servers/fixtures";
import { type PostgresBackend, postgresBackend } from "../../src/index.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { url: { type: "string" }, schema: { type: "string" }, count: { type: "string" }, most: { type: "string" } },
});
const backend: PostgresBackend = await postgresBackend({ url: values.url, schema: values.schema })(context);
const below = (limit: number): number => Math.floor(Math.random() * limit);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const ON_CONFLICT = ["reject", "ignore", "replace"] as const;

function unexpected(thrown: unknown): void {
  if (isWaybillError(thrown, "DUPLICATE_JOB") || isWaybillError(thrown, "LEASE_LOST")) return;
  console.log(`error ${describeError(thrown)}`);
}

async function produce(count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) {
    const onConflict = ON_CONFLICT[sent % 3] ?? "reject";
    const unique = { key: `k${below(100)}`, until: "end", onConflict } as const;
    const messages = Array.from({ length: 1 + below(3) }, () => {
      const delayMs = below(4) === 0 ? 50 : 0;
      return message({ id: crypto.randomUUID(), unique: { ...unique, key: `k${below(100)}` }, delayMs });
    });
    const results = await backend.enqueue(messages).catch((thrown: unknown) => void unexpected(thrown));
    for (const result of results ?? []) if (!result.ok) unexpected(result.error);
  }
}

const reason = { code: "TEST", message: "one of ten" };

/** Ends a lease in a random way. One in twenty is left to run out. */
async function end(leased: Lease): Promise<unknown> {
  const way = below(20);
  if (way === 0) return null;
  if (way < 3) return backend.deadLetter(leased, reason);
  if (way < 5) return backend.retry(leased, { delayMs: below(2) * 20, countsAttempt: true });
  if (way < 6) return backend.retry(leased, { delayMs: 0, countsAttempt: false });
  return backend.ack([leased]);
}

async function work(most: number): Promise<never> {
  for (;;) {
    try {
      const limits = most > 0 ? { concurrency: { sync: most } } : {};
      const leases = await lease(backend, { limit: 1 + below(6), leaseMs: 800, waitMs: 200, ...limits });
      await sleep(below(8));
      await Promise.all(leases.map(end));
    } catch (thrown) {
      unexpected(thrown);
    }
  }
}

if (positionals[0] === "produce") {
  await Promise.all([1, 2, 3, 4, 5].map(() => produce(Number(values.count))));
  await backend.close();
  console.log("done");
} else {
  console.log("ready");
  await work(Number(values.most));
}
