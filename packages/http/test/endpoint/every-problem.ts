import { connect, DeadLetter, DuplicateJobError, keyRing, newSecret, WaybillError } from "@waybill/core";
import type { Backend } from "@waybill/core/backend";
import { forwardEvery, signatureFor } from "@waybill/core/endpoint";
import { memoryBackend } from "@waybill/core/memory";
import { createReceiver, createRelay, native, type Receiver, type ReceiverOptions } from "@waybill/http";
import { type Carrier, type ProblemCode, type PushResponse, PushRefused } from "@waybill/http/carrier";
import { asked } from "../support/plain-request.ts";

const id = "019539a4-b68c-7def-8000-1a2b3c4d5e6f";
const body = JSON.stringify({ spec: "waybill/1", id, type: "mail.album_ready", args: [] });
const other = JSON.stringify({ spec: "waybill/1", id, type: "mail.album_ready", args: [1] });
const secret = newSecret();

const done = forwardEvery({ handler: () => undefined });

function receiver(more: Partial<ReceiverOptions> = {}): Receiver {
  return createReceiver({ jobs: [done], keys: "unsigned", log: "off", ...more });
}

/** A receiver with one slot, which a job uses. */
async function occupied(second: string): Promise<PushResponse> {
  const started = Promise.withResolvers<void>();
  const long = forwardEvery({
    handler(_, { signal }) {
      started.resolve();
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));
    },
  });
  const busy = receiver({ jobs: [long], concurrency: 1 });
  const first = busy.receive(asked(body));
  await started.promise;
  // A large body is not read while no slot is free, and one without a content-length counts as large.
  const headers = { "content-length": String(Buffer.byteLength(second)) };
  const response = await busy.receive(asked(second, { headers }));
  await busy.stop({ drain: 0 });
  await first;
  return response;
}

async function streamed(chunks: AsyncIterable<Uint8Array>, more: Partial<ReceiverOptions>): Promise<PushResponse> {
  const init = { method: "POST", body: ReadableStream.from(chunks), duplex: "half" } as const;
  const response = await receiver(more)(new Request("http://here/work", init));
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}

async function* twentyBytes(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(20);
}

async function* endless(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(1);
  await new Promise(() => {});
}

async function* brokenOff(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(1);
  throw new Error("gone");
}

function carrier(fails: () => never): Carrier {
  const base = { name: "failing", waitsForJobs: true, maxWaiting: 0, ackDeadlineMs: Infinity, paths: [] };
  return { ...base, recognises: (_, here) => here, authenticate: fails };
}

async function relayed(change: (backend: Backend) => Partial<Backend>, isClosed = false): Promise<PushResponse> {
  const open = memoryBackend();
  const jobs = await connect(
    async () => {
      const backend = await open();
      return { ...backend, ...change(backend) };
    },
    { log: "off" },
  );
  const relay = createRelay({ to: jobs, keys: "unsigned" });
  if (isClosed) await jobs.close();
  const response = await relay.receive(asked(body));
  await jobs.close();
  return response;
}

const failing = (code: "BACKEND_UNAVAILABLE" | "BACKEND_FULL") => (): Partial<Backend> => ({
  enqueue: () => Promise.reject(new WaybillError(code, "for this test")),
});

/** The requests that lead to each refusal of one job, by code. */
export const refusals: Readonly<Record<Exclude<ProblemCode, "BATCH_INVALID">, () => Promise<PushResponse>>> = {
  FORBIDDEN: () => receiver({ keys: secret }).receive(asked(body)),
  NOT_FOUND: () => receiver({ keys: secret }).receive(asked(body, { path: "/elsewhere" })),
  METHOD_NOT_ALLOWED: () => receiver().receive(asked("", { method: "GET" })),
  BODY_TOO_LARGE: () => streamed(twentyBytes(), { maxBodyBytes: 10 }),
  BODY_TIMEOUT: () => streamed(endless(), { bodyTimeout: 5 }),
  BODY_INCOMPLETE: () => streamed(brokenOff(), {}),
  BODY_GONE: () => receiver().receive(asked(body, { rewritten: true })),
  CARRIER_INVALID: () => {
    const signedAs = "01a20617-8960-7474-9419-de6c6e68bf7f";
    const { timestamp, value } = signatureFor(keyRing(secret).requests, signedAs, body);
    const headers = { "webhook-id": signedAs, "webhook-timestamp": String(timestamp), "webhook-signature": value };
    return receiver({ keys: secret }).receive(asked(body, { headers }));
  },
  ENCODING_INVALID: () => receiver().receive(asked(Uint8Array.of(0x22, 0xff, 0x22))),
  KEYS_UNAVAILABLE: () => {
    const away = carrier(() => {
      throw new PushRefused(503, "KEYS_UNAVAILABLE", "for this test");
    });
    return createReceiver({ jobs: [done], carriers: [away], log: "off" }).receive(asked(body));
  },
  FULL: () => occupied(body.replace("6f", "70")),
  DRAINING: async () => {
    const ending = receiver();
    await ending.stop();
    return ending.receive(asked(body));
  },
  ID_CONFLICT: () => occupied(other),
  DUPLICATE_JOB: () =>
    relayed(() => ({
      enqueue: async (messages) =>
        messages.map((one) => ({ ok: false, error: new DuplicateJobError(one.id, "another") })),
    })),
  BACKEND_UNAVAILABLE: () => relayed(failing("BACKEND_UNAVAILABLE")),
  BACKEND_FULL: () => relayed(failing("BACKEND_FULL")),
  BACKEND_CLOSED: () => relayed(() => ({}), true),
  NOT_KEPT: () => {
    const gaveUp = forwardEvery({
      handler() {
        throw new DeadLetter("for this test");
      },
    });
    const keepDead = (): Promise<void> => Promise.reject(new Error("nowhere to keep it"));
    return receiver({
      jobs: [gaveUp],
      carriers: [{ ...native({ keys: "unsigned" }), settlesByOutcome: false }],
      keepDead,
    }).receive(asked(body));
  },
  INTERNAL: () => {
    const broken = carrier(() => {
      throw new TypeError("for this test");
    });
    return createReceiver({ jobs: [done], carriers: [broken], log: "off" }).receive(asked(body));
  },
};
