import { join } from "node:path";
import { newId } from "@waybill/core";
import type { Backend, BackendContext, BackendFactory, Message } from "@waybill/core/backend";
import { postgresBackend } from "@waybill/postgres";
import { sqliteBackend } from "@waybill/sqlite";
import { verify } from "../verify.ts";

export interface BlockedInput {
  readonly directory: string;
  /** "": a SQLite file in the directory. Otherwise the URL of a PostgreSQL server. */
  readonly url: string;
  /** Jobs that wait since their key is full. */
  readonly blocked: number;
  /** Leases that are timed, of `PER_LEASE` jobs of other keys each. */
  readonly leases: number;
}

const PER_LEASE = 10;
const LIMIT = "bench.limit";
const QUEUE = "bench";

const context: BackendContext = {
  admit: () => ({ ok: false, reason: { code: "BENCH", message: "nothing arrives in a bench" } }),
  report: { rejected() {}, failed() {}, succeeded() {} },
};

/** Milliseconds of one `lease` call, on average, while a full key blocks so many jobs. */
export async function blocked({ directory, url, blocked: count, leases }: BlockedInput): Promise<number> {
  const factory: BackendFactory = url
    ? postgresBackend({ url, schema: `blocked_${process.pid}` })
    : sqliteBackend({ path: join(directory, "waybill.db") });
  const backend = await factory(context);
  await fill(backend, count + 1, () => "hot");
  // One has the slot; the others are set aside now.
  const first = await leaseSome(backend);
  verify("jobs of the full key that were leased", first, 1);
  while ((await leaseSome(backend)) > 0) throw new Error("a job of a full key was leased");
  await fill(backend, leases * PER_LEASE, () => newId());
  const startedAt = performance.now();
  let found = 0;
  for (let at = 0; at < leases; at++) found += await leaseSome(backend);
  const elapsedMs = performance.now() - startedAt;
  verify("jobs of other keys that were leased", found, leases * PER_LEASE);
  await backend.close();
  return elapsedMs / leases;
}

async function leaseSome(backend: Backend): Promise<number> {
  const found = await backend.lease({
    queue: QUEUE,
    limit: PER_LEASE,
    leaseMs: 600_000,
    waitMs: 0,
    concurrency: { [LIMIT]: 1 },
    signal: new AbortController().signal,
  });
  return found.length;
}

async function fill(backend: Backend, count: number, keyOf: () => string): Promise<void> {
  for (let done = 0; done < count; done += 1_000) {
    const size = Math.min(1_000, count - done);
    await backend.enqueue(Array.from({ length: size }, () => messageOf(keyOf())));
  }
}

function messageOf(key: string): Message {
  return {
    id: newId(),
    type: "bench.noop",
    queue: QUEUE,
    delayMs: 0,
    priority: 0,
    tenant: null,
    signature: null,
    limitKeys: { [LIMIT]: key },
    body: "{}",
  };
}
