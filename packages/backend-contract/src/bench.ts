import assert from "node:assert/strict";
import type { DeadReason } from "@waybill/core";
import {
  type Admit,
  type Backend,
  inspectorOf,
  jobControlOf,
  type Lease,
  ledgerOf,
  recordStoreOf,
  type Message,
  type Rejection,
  type Report,
  workerRegistryOf,
} from "@waybill/core/backend";
import type { Asked, Bench, Features } from "./contract-case.ts";
import type { Arrival, FreshStore, Harness } from "./harness.ts";

/** A bench, and how to remove it. */
export interface OpenBench {
  readonly bench: Bench;
  readonly features: Features;
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
    eventuallyMs: harness.eventuallyMs ?? 4 * promptMs,
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
    features: {
      ...backend.capabilities,
      inspectable: inspectorOf(backend) !== null,
      arrivals: store.arrive !== undefined,
      hasWorkerRegistry: workerRegistryOf(backend) !== null,
      hasLedger: ledgerOf(backend) !== null,
      watches: ledgerOf(backend)?.watch !== undefined,
      keepsRecords: recordStoreOf(backend) !== null,
      controllable: jobControlOf(backend) !== null,
      traces: jobControlOf(backend)?.trace !== undefined,
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

/** Admits every arrival but those in `refusals`. A member `unique` of the body is that of the message. */
const admitting =
  (message: Bench["message"], refusals: ReadonlyMap<string, DeadReason>): Admit =>
  (body, signature) => {
    const { id, queue, unique } = JSON.parse(body) as Arrival & Pick<Message, "unique">;
    const reason = refusals.get(id);
    if (reason !== undefined) return { ok: false, reason };
    return { ok: true, message: message({ id, queue, signature, body, ...(unique && { unique }) }) };
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
      for (const result of await backend.enqueue(messages)) {
        if (!result.ok) throw result.error;
        assert.ok(result.value.stored, "a message with a new id got the result stored: false");
      }
      return messages;
    },
  };
}

type Times = Pick<Bench, "tickMs" | "eventuallyMs">;

function reading(
  backend: Backend,
  queue: string,
  times: Times,
): Pick<Bench, "lease" | "leaseExactly" | "leaseOne" | "leaseNothing"> {
  const lease = (asked: Asked = {}): Promise<Lease[]> => {
    const { from = backend, ...request } = asked;
    const { signal } = new AbortController();
    const call = from.lease({ queue, limit: 1, leaseMs: LONG_LEASE_MS, waitMs: 0, signal, ...request });
    // A case that fails may leave a waiting call behind; what becomes of that must not end the runner.
    void Promise.allSettled([call]);
    return call;
  };
  const leaseExactly = async (count: number, asked: Asked = {}): Promise<Lease[]> => {
    const deadline = performance.now() + times.eventuallyMs;
    const found: Lease[] = [];
    while (found.length < count) {
      // Short looks, so that a backend which never wakes a waiting call fails the rule about waking and no other.
      const looked = await lease({ limit: count - found.length, waitMs: 5 * times.tickMs, ...asked });
      found.push(...looked);
      if (looked.length > 0) continue;
      assert.ok(
        performance.now() < deadline,
        `${found.length} of ${count} messages came within ${times.eventuallyMs} ms`,
      );
      await sleep(1);
    }
    return found;
  };
  return {
    lease,
    leaseExactly,
    async leaseOne(asked) {
      const [first] = await leaseExactly(1, asked);
      assert.ok(first);
      return first;
    },
    async leaseNothing(forMs = 2 * times.tickMs, asked = {}) {
      const found = await lease({ waitMs: forMs, ...asked });
      assert.deepEqual(
        found.map(({ id, attempt, lost }) => ({ id, attempt, lost })),
        [],
        "a message was delivered that should not have been",
      );
    },
  };
}

/** What fails here fails no rule: the rules about `close` call it themselves. */
async function clear(opened: readonly Backend[], store: FreshStore): Promise<void> {
  await Promise.allSettled(opened.map((backend) => backend.close()));
  await store.remove?.();
}
