/** What a test asks of another process: one role, on one file. Each line written is one id, or one word to the parent. */
import { writeSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { InspectableBackend, Message } from "@waybill/core/backend";
import { sqliteBackend } from "@waybill/sqlite";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { count: { type: "string" }, prefix: { type: "string" }, ms: { type: "string" } },
});
const [role = "", path = ""] = positionals;
const count = Number(values.count ?? Infinity);
const ms = Number(values.ms ?? 1_000);
const say = (line: string): number => writeSync(1, `${line}\n`);

const report = { rejected: () => undefined, failed: () => undefined, succeeded: () => undefined };
const open = (): Promise<InspectableBackend> =>
  sqliteBackend({ path })({ admit: () => ({ ok: false, reason: { code: "TEST", message: "" } }), report });

const message = (id: string): Message => {
  const body = JSON.stringify({ id, text: "x".repeat(100) });
  return { id, type: "test.job", queue: "default", delayMs: 0, priority: 0, tenant: null, signature: null, body };
};

/** 50 in flight; says each id once it is stored. */
async function produce(): Promise<void> {
  const backend = await open();
  // Killed fifty times: the next one need not compile it again.
  flushCompileCache();
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < count) {
      const id = `${values.prefix ?? "job"}-${(sent += 1)}`;
      const [answer] = await backend.enqueue([message(id)]);
      if (answer?.ok && answer.value.stored) say(id);
    }
  };
  await Promise.all(Array.from({ length: 50 }, lane));
  await backend.close();
}

/** Says each id it leased, then acks; ends when nothing came for `ms`. */
async function work(): Promise<void> {
  const backend = await open();
  const { signal } = new AbortController();
  for (;;) {
    const leases = await backend.lease({ queue: "default", limit: 50, leaseMs: 30_000, waitMs: ms, signal });
    if (leases.length === 0) break;
    say(leases.map(({ id }) => id).join("\n"));
    for (const answer of await backend.ack(leases)) if (!answer.ok) throw answer.error;
  }
  await backend.close();
}

/** Leases one job for `ms`, says its id and waits to be killed. */
async function hold(): Promise<void> {
  const backend = await open();
  const { signal } = new AbortController();
  const [held] = await backend.lease({ queue: "default", limit: 1, leaseMs: ms, waitMs: 5_000, signal });
  say(held?.id ?? "nothing");
  await sleep(60_000);
}

/** Holds the write lock for `ms`. */
async function write(): Promise<void> {
  const db = new DatabaseSync(path);
  db.exec("BEGIN IMMEDIATE");
  say("writing");
  await sleep(ms);
  db.exec("COMMIT");
  db.close();
}

/** Waits for jobs for `ms`, saying when each came, then how many ms of CPU the whole wait took. */
async function wait(): Promise<void> {
  const backend = await open();
  const { signal } = new AbortController();
  say("waiting");
  await sleep(500);
  const before = process.cpuUsage();
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const waitMs = Math.min(10_000, end - performance.now());
    const leases = await backend.lease({ queue: "default", limit: 1, leaseMs: 30_000, waitMs, signal });
    for (const { id } of leases) say(`${id} ${Date.now()}`);
  }
  const { user, system } = process.cpuUsage(before);
  say(`cpu ${(user + system) / 1_000}`);
  await backend.close();
}

const roles: Readonly<Record<string, () => Promise<void>>> = { produce, work, hold, write, wait };
await roles[role]?.();
