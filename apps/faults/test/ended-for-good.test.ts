import {
  connect,
  DeadLetter,
  type DeadLetterRecord,
  defineJob,
  Discard,
  EventBus,
  keyRing,
  type JobDefinition,
  type LogLine,
  newId,
  newSecret,
} from "@waybill/core";
import type { Backend, BackendFactory, Lease } from "@waybill/core/backend";
import { createHandlerRegistry, execute, signatureFor } from "@waybill/core/endpoint";
import { memoryBackend } from "@waybill/core/memory";
import { jobMetrics } from "@waybill/core/metrics";
import { createReceiver, type DeadPush, type ReceiverOptions, sendOverHttp, sqsd } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { startFauxqs } from "@waybill/test-servers";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { inProcess, targets } from "../src/backends.ts";
import { sharedStore } from "./stores.ts";

/** One way in which a job ends for good. */
interface Way {
  readonly name: string;
  readonly body: string;
  /** What the delivery's counts are set to. */
  readonly counts?: Partial<Pick<Lease, "attempt" | "lost" | "releases">>;
  readonly code: string;
  /** Whether a dead letter is left. */
  readonly kept: boolean;
  /** The body is no envelope: a `rejected` event instead of `settled`. */
  readonly rejected?: true;
  /** A store of ours judges it before a sender sends it, so no receiver sees it. */
  readonly unsent?: true;
}

class Paid extends Error {}
class Refused extends Error {}

const fail = (thrown: Error) => (): never => {
  throw thrown;
};

const jobs: readonly JobDefinition[] = [
  defineJob({ type: "dead_letter", handler: fail(new DeadLetter("no such order")) }),
  defineJob({ type: "discard", handler: fail(new Discard("paid already")) }),
  defineJob({
    type: "rule.kept",
    errors: [{ error: Refused, do: "dead_letter" }],
    handler: fail(new Refused("stolen card")),
  }),
  defineJob({
    type: "rule.forgotten",
    errors: [{ error: Paid, do: "discard" }],
    handler: fail(new Paid("twice")),
  }),
  defineJob({ type: "hopeless", retry: { nonRetryable: [Refused] }, handler: fail(new Refused("no")) }),
  defineJob({ type: "spent", retry: { maxAttempts: 1 }, handler: fail(new Error("down")) }),
  defineJob({
    type: "spent.forgotten",
    retry: { maxAttempts: 1, onExhaustion: "discard" },
    handler: fail(new Error("down")),
  }),
  defineJob({ type: "strict", payload: z.object({ order: z.string() }), handler() {} }),
  defineJob({ type: "expiring", deadline: "1m", handler() {} }),
  defineJob({ type: "ok", handler() {} }),
];

const YEAR_AGO = new Date(Date.now() - 365 * 86_400_000).toISOString();

const body = (type: string, more: object = {}): string =>
  JSON.stringify({ spec: "waybill/1", id: newId(), type, args: [{}], ...more });

/** New ids at each call, so that every test has jobs of its own. */
const ways = (): readonly Way[] => [
  { name: "throw new DeadLetter()", body: body("dead_letter"), code: "DEAD_LETTERED", kept: true },
  {
    name: "throw new DeadLetter() at the last attempt, with on_exhaustion discard",
    body: body("dead_letter", { retry: { max_attempts: 1, on_exhaustion: "discard" } }),
    code: "DEAD_LETTERED",
    kept: true,
  },
  { name: "throw new Discard()", body: body("discard"), code: "DISCARDED", kept: false },
  {
    name: "throw new Discard() at the last attempt",
    body: body("discard", { retry: { max_attempts: 1, on_exhaustion: "dead_letter" } }),
    code: "DISCARDED",
    kept: false,
  },
  { name: 'do: "dead_letter"', body: body("rule.kept"), code: "NON_RETRYABLE", kept: true },
  { name: 'do: "discard"', body: body("rule.forgotten"), code: "DISCARDED", kept: false },
  { name: "nonRetryable", body: body("hopeless"), code: "NON_RETRYABLE", kept: true },
  { name: "the last attempt", body: body("spent"), code: "ATTEMPTS_EXHAUSTED", kept: true },
  {
    name: 'the last attempt with onExhaustion: "discard"',
    body: body("spent.forgotten"),
    code: "ATTEMPTS_EXHAUSTED",
    kept: false,
  },
  {
    name: "the last attempt, kept by the envelope against its definition",
    body: body("spent.forgotten", { retry: { on_exhaustion: "dead_letter" } }),
    code: "ATTEMPTS_EXHAUSTED",
    kept: true,
  },
  { name: "a payload that its schema refuses", body: body("strict"), code: "PAYLOAD_INVALID", kept: true },
  {
    name: "a deadline that has passed",
    body: body("expiring", { created_at: YEAR_AGO }),
    code: "DEADLINE",
    kept: true,
  },
  {
    name: "an expiry that has passed, with on_exhaustion discard",
    body: body("ok", { expires_at: YEAR_AGO, retry: { on_exhaustion: "discard" } }),
    code: "EXPIRED",
    kept: true,
    unsent: true,
  },
  {
    name: "a type without a handler, after a week",
    body: body("not.registered", { created_at: YEAR_AGO }),
    counts: { releases: 200 },
    code: "JOB_UNKNOWN",
    kept: true,
  },
  {
    name: "its worker lost 20 times",
    body: body("ok"),
    counts: { lost: 20 },
    code: "WORKER_LOST",
    kept: true,
    unsent: true,
  },
  { name: "a body that is no envelope", body: "{", code: "JSON_SYNTAX", kept: true, rejected: true, unsent: true },
];

const ids = new Map<Way, string>();

/** The envelope's id; of a body that is none, one that its label has. */
function idOf(way: Way): string {
  const id = ids.get(way) ?? (way.rejected ? newId() : (JSON.parse(way.body) as { id: string }).id);
  ids.set(way, id);
  return id;
}

const QUEUE = "ended";

/** A connection whose leases have the counts that the ways ask for, and a way to store bytes without a producer. */
async function opened(factory: BackendFactory, all: readonly Way[], lines: LogLine[]) {
  const counts = new Map(all.map((way) => [idOf(way), way.counts]));
  let raw: Backend | undefined;
  const connection = await connect(
    async (context) => {
      const backend = (raw = await factory(context));
      return {
        ...backend,
        lease: async (request) =>
          (await backend.lease(request)).map((lease) => ({ ...lease, ...counts.get(lease.id) })),
      };
    },
    { log: (line) => lines.push(line) },
  );
  onTestFinished(() => connection.close());
  async function store(way: Way): Promise<void> {
    const label = { id: idOf(way), type: "ok", queue: QUEUE, delayMs: 0, priority: 0, tenant: null, signature: null };
    const [result] = (await raw?.enqueue([{ ...label, body: way.body }])) ?? [];
    if (!result?.ok) throw result?.error ?? new Error("the backend is not open");
  }
  return { connection, store };
}

/** What each way must leave, in words that a failure can be read by. */
const wanted = (all: readonly Way[]) =>
  Object.fromEntries(
    all.map(({ name, code, kept, rejected }) => [
      name,
      { code, kept, level: kept ? "error" : "warn", listed: kept ? code : null, ...(rejected && { rejected }) },
    ]),
  );

/** Runs every way through a worker and returns what is left of each, and what was counted. */
async function endedBy(factory: BackendFactory, all: readonly Way[], definitions: readonly JobDefinition[]) {
  const lines: LogLine[] = [];
  const { connection, store } = await opened(factory, all, lines);
  const metrics = jobMetrics(connection);
  const byId = new Map(all.map((way) => [idOf(way), way]));
  const ended = new Map<Way, object>();
  const done = new Promise<void>((resolve) => {
    const end = (id: string, how: object): void => {
      const way = byId.get(id);
      if (way !== undefined) ended.set(way, how);
      if (ended.size === all.length) resolve();
    };
    connection.events.on("settled", ({ id, kept, reason }) => end(id, { kept, code: reason?.code }));
    connection.events.on("rejected", ({ id, reason }) => end(id, { kept: true, code: reason.code, rejected: true }));
  });
  for (const way of all) await store(way);
  const worker = connection.worker({ jobs: definitions, queues: [QUEUE], concurrency: 20 });
  await worker.start();
  await done;
  const { dead, discarded, rejected } = await worker.stop();
  const letters: readonly DeadLetterRecord[] = (await connection.inspector?.deadLetters({ limit: Infinity })) ?? [];
  const text = await metrics.prometheus();
  const left = Object.fromEntries(
    all.map((way) => {
      const line = lines.find(({ event, id }) => (event === "settled" || event === "rejected") && id === idOf(way));
      const letter = letters.find(({ id, queue }) => id === idOf(way) && queue === QUEUE);
      return [way.name, { ...ended.get(way), level: line?.level, listed: letter?.reason.code ?? null }];
    }),
  );
  return { left, report: { dead, discarded, rejected }, counted: countsIn(text) };
}

/** Sums of the two counters by code. */
function countsIn(text: string): Record<string, Record<string, number>> {
  const sums: Record<string, Record<string, number>> = { dead: {}, discarded: {} };
  for (const [, name = "", code = "", value = ""] of text.matchAll(
    /^waybill_(dead|discarded)_total\{.*code="(\w+)"\} (\d+)$/gm,
  )) {
    const sum = (sums[name] ??= {});
    sum[code] = (sum[code] ?? 0) + Number(value);
  }
  return sums;
}

const count = (all: readonly Way[], is: (way: Way) => boolean): number => all.filter(is).length;

const reportOf = (all: readonly Way[]) => ({
  dead: count(all, ({ kept, rejected }) => kept && rejected !== true),
  discarded: count(all, ({ kept }) => !kept),
  rejected: count(all, ({ rejected }) => rejected === true),
});

function countersOf(all: readonly Way[]): Record<string, Record<string, number>> {
  const sums: Record<string, Record<string, number>> = { dead: {}, discarded: {} };
  for (const { code, kept } of all) {
    const sum = (sums[kept ? "dead" : "discarded"] ??= {});
    sum[code] = (sum[code] ?? 0) + 1;
  }
  return sums;
}

/** The emulator's database cannot make a dead letter visible again once a look has received it; its memory can. */
const listable = targets.map((target) =>
  target.name === "sqs" ? { ...target, startServer: () => startFauxqs({ durable: false }) } : target,
);

describe("a job that ends for good is kept or discarded, logged and counted as its end says", () => {
  test.each([inProcess, ...listable])("pulled from $name", { timeout: 180_000 }, async (target) => {
    const all = ways();
    const factory = target.factory((await sharedStore(target)).url);
    const { left, report, counted } = await endedBy(factory, all, jobs);
    expect(left).toEqual(wanted(all));
    expect(report).toEqual(reportOf(all));
    expect(counted).toEqual(countersOf(all));
  });

  test("run inline", async () => {
    const registry = createHandlerRegistry(jobs);
    const fresh = { attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null, worker: "inline" };
    for (const { name, body: text, counts, code, kept } of ways()) {
      const outcome = await execute({ ...fresh, ...counts, body: text }, registry);
      expect({ name, outcome }).toMatchObject({ name, outcome: { kind: "dead", reason: { code }, kept } });
    }
  });

  test("sent over HTTP: on both sides", { timeout: 30_000 }, async () => {
    const keys = newSecret();
    const all = ways();
    const there = await serving({ keys });
    const { left, report, counted } = await endedBy(memoryBackend(), all, [sendOverHttp({ to: there.url, keys })]);
    expect(left).toEqual(wanted(all));
    expect(report).toEqual(reportOf(all));
    expect(counted).toEqual(countersOf(all));
    const sent = all.filter(({ unsent }) => unsent !== true);
    expect(there.ends).toEqual(new Map(sent.map((way) => [idOf(way), [way.code, way.kept]])));
    expect(await there.receiver.stop()).toMatchObject(reportOf(sent));
  });

  test.each([
    ["with", 200, true],
    ["without", 422, false],
  ] as const)("pushed by a daemon that reads the status alone, %s keepDead", async (_, statusOfKept, keeps) => {
    const letters: string[] = [];
    const keys = keyRing(newSecret());
    const carriers = [sqsd({ keys, httpConnections: 10, inactivityTimeout: "1h", visibilityTimeout: "1h" })];
    const keepDead = async ({ id }: DeadPush): Promise<void> => void letters.push(id ?? "");
    const there = await serving({ carriers, ...(keeps && { keepDead }) });
    const all = ways().filter(({ rejected }) => rejected !== true);
    const statuses = new Map<string, number>();
    for (const way of all) {
      const { attempt = 1, lost = 0, releases = 0 } = way.counts ?? {};
      const { timestamp, value } = signatureFor(keys, idOf(way), way.body);
      const headers = {
        "x-aws-sqsd-attr-webhook-timestamp": String(timestamp),
        "x-aws-sqsd-attr-webhook-signature": value,
        "user-agent": "aws-sqsd/3.0.4",
        "content-type": "application/json",
        "x-aws-sqsd-msgid": idOf(way),
        "x-aws-sqsd-queue": QUEUE,
        "x-aws-sqsd-receive-count": "1",
        "x-aws-sqsd-attr-waybill-delivery": `attempt=${attempt} lost=${lost} releases=${releases}`,
      };
      const { status } = await fetch(there.url, { method: "POST", headers, body: way.body });
      statuses.set(way.name, status);
    }
    expect(statuses).toEqual(new Map(all.map(({ name, kept }) => [name, kept ? statusOfKept : 200])));
    expect(letters).toEqual(keeps ? all.filter(({ kept }) => kept).map(idOf) : []);
    expect(await there.receiver.stop()).toMatchObject(reportOf(all));
  });
});

/** A receiver behind a socket. Gone after the test. */
async function serving(options: Pick<ReceiverOptions, "keys" | "carriers" | "keepDead">) {
  const events = new EventBus();
  /** By id: the code, and whether the job is kept. */
  const ends = new Map<string, readonly [string | undefined, boolean | undefined]>();
  events.on("settled", ({ id, reason, kept }) => void ends.set(id, [reason?.code, kept]));
  const receiver = createReceiver({ jobs, events, log: "off", ...options });
  const server = createServer(nodeListener(receiver));
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(async () => {
    await receiver.stop({ drain: 0, abort: 0 });
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/work`, receiver, ends };
}
