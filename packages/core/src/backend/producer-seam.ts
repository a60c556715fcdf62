import type { Envelope } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";
import { plain } from "./backend-errors.ts";
import type { Backend, Message, Receipt } from "./contract.ts";
import { Gather } from "./gather.ts";
import type { EnqueueFailures } from "./enqueue-error.ts";
import { keptAlive } from "./keep-alive.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerSeam } from "./ledger-seam.ts";
import type { RecordStore } from "./record-store.ts";

/** One job on its way to the backend. */
export interface Outgoing {
  readonly envelope: Envelope;
  /** Makes the message. Called once, or twice: with a trace in the envelope, and without one if that made it too large. */
  readonly pack: (envelope: Envelope) => Message | Promise<Message>;
  /** Whether the envelope may carry the trace of its producer. False where equal calls must make equal bytes. */
  readonly mayCarryTrace: boolean;
  /** The program's own limit for a body, in bytes of UTF-8. Infinity: the backend's limit alone. */
  readonly maxBodyBytes: number;
}

/** One settle, as it is reported to `SeamTracing`. */
export interface Settled {
  readonly queue: string;
  readonly operation: "ack" | "retry" | "release" | "dead_letter";
  /** Until the backend returned, waiting for others to share the call included. */
  readonly durationMs: number;
  /** Why the lease is not settled; null when it is. */
  readonly error: Error | null;
}

/** Spans and metrics of the calls that pass the seam. No function throws an error of its own. */
export interface SeamTracing {
  /** Calls `pack` and `store` within the span of one send; settles as they do. */
  send(outgoing: Outgoing, pack: Outgoing["pack"], store: (message: Message) => Promise<Receipt>): Promise<Receipt>;
  settled(settled: Settled): void;
}

export interface SeamSettings {
  /** How long one call may take, in milliseconds. Infinity: any time. */
  readonly timeoutMs: number;
  /** Null: nothing is traced or counted. */
  readonly tracing: SeamTracing | null;
  /** Emits `enqueue_failed` with each error of `enqueue`. Absent: it is not reported. */
  readonly events?: EnqueueFailures | undefined;
  /** The backend's own ledger, or that of another backend. Absent: none. */
  readonly ledger?: (LedgerSeam & { readonly records?: RecordStore; close(): Promise<void> }) | undefined;
}

/** The backend as it is known without calling it. */
export type BackendFacts = Pick<Backend, "name" | "address" | "capabilities">;

/**
 * The half of the seam that a producer needs. The backend is private to it: limits, batching, tracing and the shape of errors
 * are the same for every call.
 */
export interface ProducerSeam {
  readonly backend: BackendFacts;
  /**
   * What features remember beside the jobs; null where there is none. Each call rejects within `timeoutMs`. Calls of one turn
   * of the event loop share one call of the backend; commits that change the same key keep their order.
   */
  readonly ledger: Ledger | null;
  /**
   * Stores one job, in a call shared with other callers. Rejects within `timeoutMs` of being sent: `CAPABILITY_MISSING` for
   * what the backend refuses, `ENQUEUE_UNKNOWN` where the job may be stored or not.
   */
  enqueue(outgoing: Outgoing): Promise<Receipt>;
  /** Stores one job within the caller's transaction. Rejects `CAPABILITY_MISSING` where the backend has none. */
  enqueueIn(transaction: unknown, outgoing: Outgoing): Promise<Receipt>;
  /** Resolves when every gathered call has returned. */
  whenIdle(): Promise<void>;
  /** Closes the backend, and the one whose ledger it borrows. Idempotent. */
  close(): Promise<void>;
}

let limits: typeof import("./message-limits.ts") | null = null;

/** Whether a job has no delay, priority or key, and a body that cannot have more bytes of UTF-8 than `mostBytes`. */
function isPlainJob({ delayMs, priority, limitKeys, body }: Message, { dedupe }: Envelope, mostBytes: number): boolean {
  if (delayMs !== 0 || priority !== 0 || limitKeys !== undefined || dedupe !== undefined) return false;
  return body.length * 3 <= mostBytes;
}

export function createProducerSeam(backend: Backend, settings: SeamSettings): ProducerSeam {
  const { timeoutMs, ledger: ledgerSeam, tracing } = settings;
  const { name, address, capabilities } = backend;
  const { maxBatch, maxBatchBytes, maxInFlight, uniqueIds } = capabilities;
  const enqueues = new Gather<Message, Receipt>(
    (messages) => plain(backend.enqueue(messages)),
    { maxBatch, maxBytes: maxBatchBytes, maxInFlight, timeoutMs },
    (message) => Buffer.byteLength(message.body),
  );

  /** A plain job needs nothing of the backend. For others the checks are loaded, once. */
  function limited(message: Message, envelope: Envelope, maxBodyBytes: number): Message | Promise<Message> {
    if (isPlainJob(message, envelope, Math.min(maxBodyBytes, capabilities.maxBodyBytes))) return message;
    if (limits !== null) return limits.withinLimits(message, envelope, maxBodyBytes, capabilities);
    return import("./message-limits.ts").then((loaded) => {
      limits = loaded;
      return loaded.withinLimits(message, envelope, maxBodyBytes, capabilities);
    });
  }

  async function send(outgoing: Outgoing, store: (message: Message) => Promise<Receipt>): Promise<Receipt> {
    const { pack, maxBodyBytes } = outgoing;
    const packWithinLimits = (envelope: Envelope): Message | Promise<Message> => {
      const message = pack(envelope);
      if (!(message instanceof Promise)) return limited(message, envelope, maxBodyBytes);
      return message.then((packed) => limited(packed, envelope, maxBodyBytes));
    };
    if (tracing !== null) return tracing.send(outgoing, packWithinLimits, store);
    const message = packWithinLimits(outgoing.envelope);
    return store(message instanceof Promise ? await message : message);
  }

  async function storeGathered(message: Message): Promise<Receipt> {
    try {
      return await enqueues.add(message);
    } catch (thrown) {
      const { enqueueError } = await import("./enqueue-error.ts");
      throw enqueueError(thrown, message, uniqueIds, settings);
    }
  }

  async function storeIn(transaction: unknown, message: Message): Promise<Receipt> {
    const { transactionalOf } = await import("./transactional.ts");
    const [result] = await keptAlive(plain(transactionalOf(backend).enqueueIn(transaction, [message])));
    if (result === undefined) throw new WaybillError("BACKEND_UNAVAILABLE", "the backend returned no result");
    if (!result.ok) throw result.error;
    return result.value;
  }

  return {
    backend: { name, address, capabilities },
    ledger: ledgerSeam?.ledger ?? null,
    enqueue: (outgoing) => send(outgoing, storeGathered),
    enqueueIn: (transaction, outgoing) => send(outgoing, (message) => storeIn(transaction, message)),
    async whenIdle() {
      await Promise.all([enqueues.whenIdle(), ledgerSeam?.whenIdle()]);
    },
    async close() {
      await Promise.all([plain(backend.close()), ledgerSeam && plain(ledgerSeam.close())]);
    },
  };
}
