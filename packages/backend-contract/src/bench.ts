import assert from "node:assert/strict";
import type { DeadReason } from "@waybill/core";
import {
  type Admit,
  type Backend,
  inspectorOf,
  type Lease,
  type Rejection,
  type Report,
  rosterOf,
} from "@waybill/core/backend";
import type { Asked, Bench, Claims } from "./contract-case.ts";
import type { Arrival, FreshStore, Harness } from "./harness.ts";

/** A bench and what it takes to clear it away. */
export interface OpenBench {
  readonly bench: Bench;
  readonly claims: Claims;
  /** Closes every backend, then removes the store. */
  clear(): Promise<void>;
}

const LONG_LEASE_MS = 60_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function openBench(harness: Harness): Promise<OpenBench> {
  const store = await harness.fresh();
  const queue = `contract-${crypto.randomUUID().slice(0, 8)}`;
  const refusals = new Map<string, DeadReason>();
  const message = messagesFor(queue);
  const rejections: Rejection[] = [];
  const report: Report = {
    rejected: (rejection) => void rejections.push(rejection),
    failed: () => undefined,
    succeeded: () => undefined,
  };
  const context = { admit: admitting(message, refusals), report };
  const backend = await store.open(context);
  const opened = [backend];
  const tickMs = harness.tickMs ?? 20;
  const promptMs = harness.promptMs ?? Math.max(2_000, 20 * tickMs);
  const times = {
    tickMs,
    shortMs: 3 * tickMs,
    leaseMs: Math.max(3 * tickMs, 500),
    promptMs,
    patienceMs: harness.patienceMs ?? 4 * promptMs,
  };
  const second = async (): Promise<Backend> => {
    const next = await store.open(context);
    opened.push(next);
    return next;
  };
  return {
    bench: {
      backend,
      queue,
      ...times,
      sleep,
      second,
      ...writing(backend, message),
      ...arriving(store, queue),
      refusals,
      rejections,
      ...reading(backend, queue, times),
    },
    claims: {
      ...backend.capabilities,
      inspectable: inspectorOf(backend) !== null,
      arrivals: store.arrive !== undefined,
      rostered: rosterOf(backend) !== null,
      shareable: harness.shareable ?? true,
    },
    clear: () => clear(opened, store),
  };
}

const messagesFor =
  (queue: string): Bench["message"] =>
  (part = {}) => {
    const id = part.id ?? crypto.randomUUID();
    return {
      id,
      type: "contract.case",
      queue,
      delayMs: 0,
      priority: 0,
      tenant: null,
      signature: null,
      body: JSON.stringify({ spec: "waybill/1", id, type: "contract.case", args: [] }),
      ...part,
    };
  };

/** Stands in for core's judgement. */
const admitting =
  (message: Bench["message"], refusals: ReadonlyMap<string, DeadReason>): Admit =>
  (body, signature) => {
    const { id, queue } = JSON.parse(body) as Arrival;
    const reason = refusals.get(id);
    return reason === undefined
      ? { ok: true, message: message({ id, queue, signature, body }) }
      : { ok: false, reason };
  };

function arriving(store: FreshStore, queue: string): Pick<Bench, "arrive"> {
  return {
    async arrive(part = {}) {
      const id = part.id ?? crypto.randomUUID();
      const body = JSON.stringify({ spec: "waybill/1", id, type: "contract.case", queue, args: [] });
      const arrival = { id, queue, body, ...part };
      await store.arrive?.(arrival);
      return arrival;
    },
  };
}

function writing(backend: Backend, message: Bench["message"]): Pick<Bench, "message" | "put"> {
  return {
    message,
    async put(...parts) {
      const messages = (parts.length === 0 ? [{}] : parts).map(message);
      for (const answer of await backend.enqueue(messages)) {
        if (!answer.ok) throw answer.error;
        assert.ok(answer.value.stored, "a message with a new id was answered stored: false");
      }
      return messages;
    },
  };
}

type Times = Pick<Bench, "tickMs" | "patienceMs">;

function reading(
  backend: Backend,
  queue: string,
  times: Times,
): Pick<Bench, "lease" | "take" | "takeOne" | "takeNothing"> {
  const lease = (asked: Asked = {}): Promise<Lease[]> => {
    const { from = backend, ...request } = asked;
    const { signal } = new AbortController();
    const call = from.lease({ queue, limit: 1, leaseMs: LONG_LEASE_MS, waitMs: 0, signal, ...request });
    // A case that fails may leave a waiting call behind; what becomes of that must not end the runner.
    void Promise.allSettled([call]);
    return call;
  };
  const take = async (count: number, asked: Asked = {}): Promise<Lease[]> => {
    const deadline = performance.now() + times.patienceMs;
    const found: Lease[] = [];
    while (found.length < count) {
      // Short looks, so that a backend which never wakes a waiting call fails the rule about waking and no other.
      const looked = await lease({ limit: count - found.length, waitMs: 5 * times.tickMs, ...asked });
      found.push(...looked);
      if (looked.length > 0) continue;
      assert.ok(
        performance.now() < deadline,
        `${found.length} of ${count} messages came within ${times.patienceMs} ms`,
      );
      await sleep(1);
    }
    return found;
  };
  return {
    lease,
    take,
    async takeOne(asked) {
      const [first] = await take(1, asked);
      assert.ok(first);
      return first;
    },
    async takeNothing(forMs = 2 * times.tickMs, asked = {}) {
      const found = await lease({ waitMs: forMs, ...asked });
      assert.deepEqual(
        found.map(({ id, attempt, lost }) => ({ id, attempt, lost })),
        [],
        "a message was delivered that should not have been",
      );
    },
  };
}

/** Clearing away is not judged: a rule about `close` calls it itself. */
async function clear(opened: readonly Backend[], store: FreshStore): Promise<void> {
  await Promise.allSettled(opened.map((backend) => backend.close()));
  await store.remove?.();
}
