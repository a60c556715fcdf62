/** A process of a test, in one role on one file. Each line that it writes is one id, or one word for the parent. */
import { writeSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { InspectableBackend, Message } from "@waybill/core/backend";
import { sqliteBackend } from "@waybill/sqlite";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string" },
    prefix: { type: "string" },
    ms: { type: "string" },
    lease: { type: "string" },
  },
});
const [role = "", path = ""] = positionals;
const count = Number(values.count ?? Infinity);
const ms = Number(values.ms ?? 1_000);
const LONG_LEASE_MS = 30_000;
const leaseMs = Number(values.lease ?? LONG_LEASE_MS);
const say = (line: string): number => writeSync(1, `${line}\n`);

const report = { rejected: () => undefined, failed: () => undefined, succeeded: () => undefined };
const open = (): Promise<InspectableBackend> =>
  sqliteBackend({ path })({ admit: () => ({ ok: false, reason: { code: "TEST", message: "" } }), report });

const message = (id: string): Message => {
  const body = JSON.stringify({ id, text: "x".repeat(100) });
  return { id, type: "test.job", queue: "default", delayMs: 0, priority: 0, tenant: null, signature: null, body };
};

/** Enqueues with 50 calls in flight, and writes each id once it is stored. */
async function produce(): Promise<void> {
  const backend = await open();
  // The test kills this process fifty times: the next one need not compile again.
  flushCompileCache();
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < count) {
      const id = `${values.prefix ?? "job"}-${(sent += 1)}`;
      const [result] = await backend.enqueue([message(id)]);
      if (result?.ok && result.value.stored) say(id);
    }
  };
  await Promise.all(Array.from({ length: 50 }, lane));
  await backend.close();
}

/** Enqueues with 5 calls in flight, each job under one of 100 keys, and writes each id that was stored. */
async function compete(): Promise<void> {
  const backend = await open();
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < count) {
      const id = `${values.prefix ?? "job"}-${(sent += 1)}`;
      const key = `key-${Math.floor(Math.random() * 100)}`;
      const onConflict = (["reject", "ignore", "replace"] as const)[sent % 3] ?? "reject";
      const [result] = await backend.enqueue([{ ...message(id), unique: { key, until: "end", onConflict } }]);
      if (result?.ok && result.value.stored) say(id);
      else if (result?.ok === false && result.error.code !== "DUPLICATE_JOB") throw result.error;
    }
  };
  await Promise.all(Array.from({ length: 5 }, lane));
  await backend.close();
}

/** Writes each id that it leased, then acks. Ends when no job came for `ms`. */
async function work(): Promise<void> {
  const backend = await open();
  const { signal } = new AbortController();
  for (;;) {
    const leases = await backend.lease({ queue: "default", limit: 50, leaseMs, waitMs: ms, signal });
    if (leases.length === 0) break;
    say(leases.map(({ id }) => id).join("\n"));
    for (const result of await backend.ack(leases)) {
      if (!result.ok && (leaseMs === LONG_LEASE_MS || result.error.code !== "LEASE_LOST")) throw result.error;
    }
  }
  await backend.close();
}

/** Runs one job at a time, one of each key, for 5 ms, and writes when each run began, when it ended and when its lease did. */
async function runByKey(): Promise<void> {
  const backend = await open();
  const { signal } = new AbortController();
  const concurrency = { sync: 1 };
  for (;;) {
    const leases = await backend.lease({ queue: "default", limit: 5, leaseMs, waitMs: ms, concurrency, signal });
    if (leases.length === 0) break;
    const started = Date.now();
    for (const { id, expiresAt } of leases) say(`start ${id} ${started} ${expiresAt}`);
    await sleep(5);
    const ended = Date.now();
    for (const { id } of leases) say(`end ${id} ${started} ${ended}`);
    await backend.ack(leases);
  }
  await backend.close();
}

/** Leases one job for `ms`, writes its id and waits to be killed. */
async function hold(): Promise<void> {
  const backend = await open();
  const { signal } = new AbortController();
  const [oneLease] = await backend.lease({ queue: "default", limit: 1, leaseMs: ms, waitMs: 5_000, signal });
  say(oneLease?.id ?? "nothing");
  await sleep(60_000);
}

/** Keeps the write lock for `ms`. */
async function write(): Promise<void> {
  const db = new DatabaseSync(path);
  db.exec("BEGIN IMMEDIATE");
  say("writing");
  await sleep(ms);
  db.exec("COMMIT");
  db.close();
}

/** Waits for jobs for `ms` and writes when each came, then how many ms of CPU the whole wait took. */
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

const roles: Readonly<Record<string, () => Promise<void>>> = { produce, compete, runByKey, work, hold, write, wait };
await roles[role]?.();
