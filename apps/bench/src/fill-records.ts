import { join } from "node:path";
import { parseArgs } from "node:util";
import { connect, errorMessage } from "@waybill/core";
import { type Backend, type BackendFactory, type RecordChange, recordStoreOf } from "@waybill/core/backend";
import { postgresBackend } from "@waybill/postgres";
import { sqliteBackend } from "@waybill/sqlite";
import { startPostgres } from "@waybill/test-servers";
import { inScratch } from "./scratch.ts";

const USAGE = `Usage: node apps/bench/dist/fill-records.js [options]

Fills a store with records and times what the dashboard asks of it: filtered pages and searches by text.

  --store NAME     sqlite or postgres (default sqlite)
  --records N      how many (default 1000000)
  --search         with the index of texts
`;

const WRITE = 1_000;
const TIMES = 5;
const TYPES = 20;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      store: { type: "string", default: "sqlite" },
      records: { type: "string", default: "1000000" },
      search: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const count = Number(values.records);
  const isKnown = values.store === "sqlite" || values.store === "postgres";
  if (values.help || !isKnown || !Number.isSafeInteger(count)) return void process.stdout.write(USAGE);
  await inScratch(async (directory) => {
    if (values.store === "sqlite") {
      await run(sqliteBackend({ path: join(directory, "waybill.db") }), count, values.search);
      return;
    }
    const server = await startPostgres();
    try {
      await run(postgresBackend({ url: server.url }), count, values.search);
    } finally {
      await server.stop();
    }
  });
}

async function run(factory: BackendFactory, count: number, withIndex: boolean): Promise<void> {
  let opened: Backend | null = null;
  const jobs = await connect(async (context) => (opened = await factory(context)), { log: "off" });
  const store = opened === null ? null : recordStoreOf(opened);
  if (store === null) throw new Error("this backend keeps no records");
  if (withIndex) await store.indexTexts?.();

  const startedAt = performance.now();
  const first = Date.now() - count;
  for (let from = 0; from < count; from += WRITE) {
    await store.write(Array.from({ length: Math.min(WRITE, count - from) }, (_, at) => recordOf(from + at, first)));
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  report(`write ${count.toLocaleString("en-US")} records`, `${Math.round(count / seconds).toLocaleString("en-US")}/s`);

  const rare = Math.floor(count / 3);
  const pages: readonly (readonly [string, Parameters<typeof jobs.records.find>[0]])[] = [
    ["first page", {}],
    ["type", { type: `bench.${rare % TYPES}` }],
    ["state dead", { state: "dead" }],
    ["tenant and type", { tenant: `tenant-${rare % 1_000}`, type: `bench.${rare % TYPES}` }],
    ["code and time", { code: "REFUSED", since: first + count / 4, until: first + count / 2 }],
    ["text that one has", { text: `user${rare}@example.com` }],
    ["text in one message", { text: `account ${Math.ceil(rare / 100) * 100} refused` }],
    ["text that none has", { text: "no such text 4711" }],
    ["text that half have", { text: "invoice" }],
    ["text of two letters", { text: "zq" }],
    ["text and state", { text: `account ${Math.ceil(rare / 100) * 100} refused`, state: "dead" }],
  ];
  for (const [name, query] of pages) {
    const times: number[] = [];
    let found = 0;
    for (let at = 0; at < TIMES; at += 1) {
      const begun = performance.now();
      found = (await jobs.records.find({ ...query, limit: 50 })).records.length;
      times.push(performance.now() - begun);
    }
    times.sort((one, other) => one - other);
    report(`${name} (${found} found)`, `${times.map((ms) => ms.toFixed(ms < 10 ? 1 : 0)).join(", ")} ms`);
  }
  await jobs.close();
}

/** One in a hundred is dead; payloads of some 150 bytes, no two alike. */
function recordOf(number: number, first: number): RecordChange {
  const isDead = number % 100 === 0;
  const at = first + number;
  const user = `user${number}@example.com`;
  const kind = number % 2 === 0 ? "invoice" : "picture";
  const item = { attempt: 1, worker: "bench", startedAt: at, durationMs: 12, outcome: isDead ? "dead" : "completed" };
  return {
    id: `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`,
    type: `bench.${number % TYPES}`,
    queue: `queue-${number % 5}`,
    tenant: `tenant-${number % 1_000}`,
    enqueuedAt: at,
    payload: JSON.stringify({
      user,
      kind,
      path: `/uploads/2026/11/${number % 31}/img_${number}.jpg`,
      amount: number % 997,
    }),
    state: isDead ? "dead" : "completed",
    code: isDead ? "REFUSED" : null,
    message: isDead ? `the payment of account ${number} refused` : null,
    at,
    startedAt: at,
    endedAt: at,
    items: { "a1.0": JSON.stringify({ ...item, code: null, message: null, stack: null }) },
    rank: 3,
    replaces: at,
  };
}

function report(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(34)} ${value}\n`);
}

void main().catch((error: unknown) => {
  process.stderr.write(`fill-records: ${errorMessage(error)}\n`);
  process.exitCode = 1;
});
