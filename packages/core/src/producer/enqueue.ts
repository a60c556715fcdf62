import type { Result, Receipt, Signature } from "../backend/contract.ts";
import { WINDOW_BYTES } from "../backend/gather.ts";
import { messageOf } from "../backend/message.ts";
import type { Outgoing, ProducerSeam } from "../backend/producer-seam.ts";
import { defaults, type Envelope } from "../envelope/index.ts";
import { assertDefinition } from "../job/check-definition.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import { argsOf, validatePayload } from "../job/payload.ts";
import type { EventBus, WaybillEvents } from "../observability/events.ts";
import { wallMs } from "../time/clock.ts";
import type { JobLabel } from "../job/delivery.ts";
import type { BulkSettings, EnqueueCounts, EnqueueListener } from "./enqueue-many.ts";
import type { EnqueueItem, EnqueueOptions } from "./enqueue-options.ts";
import { definitionOf, type KnownJobs } from "./known-jobs.ts";
import type { CheckedCall } from "./envelope-parts.ts";
import { envelopeFor, type EnvelopeParts } from "./make-envelope.ts";
import { makeMessage, type Sign } from "./make-message.ts";

export interface EnqueueSettings extends KnownJobs {
  readonly seam: ProducerSeam;
  readonly events: EventBus;
  readonly source: string | null;
  readonly maxBodyBytes: number;
  /** Throws `CONFIG_INVALID` for options that one call cannot have. */
  readonly checkOptions: (options: EnqueueOptions, type: string) => void;
  readonly sign: Sign;
  readonly enqueueTimeoutMs: number;
}

/** The calls of a producer, before `Producer` gives them their types. */
export interface EnqueueCalls {
  enqueue(job: JobDefinition | string, payload: unknown, options?: EnqueueOptions): Promise<Receipt>;
  enqueueMany(source: unknown, listener?: EnqueueListener<EnqueueItem>): Promise<Result<Receipt>[] | EnqueueCounts>;
  enqueueBody(body: string, signature: Signature | null): Promise<Receipt>;
  /** Enqueues by a function of the caller, which need not store anything. */
  readonly enqueueBy: (
    store: Store,
    job: JobDefinition | string,
    payload: unknown,
    options: EnqueueOptions,
  ) => Promise<Receipt>;
  /** Stores what was made elsewhere, and reports it as `enqueue` does. */
  readonly store: Store;
  enqueueIn(
    transaction: unknown,
    job: JobDefinition | string,
    payload: unknown,
    options?: EnqueueOptions,
  ): Promise<Receipt>;
}

/** Stores one job through the seam. */
export type Store = (outgoing: Outgoing) => Promise<Receipt>;

export function createEnqueueCalls(settings: EnqueueSettings): EnqueueCalls {
  const { seam, events, known, sign, maxBodyBytes } = settings;
  const bulk: BulkSettings = {
    capabilities: seam.backend.capabilities,
    windowBytes: WINDOW_BYTES,
    timeoutMs: settings.enqueueTimeoutMs,
    enqueue: async ({ job, payload, options }, sized) => enqueueBy(store, job, payload, options, sized),
  };

  async function store(outgoing: Outgoing): Promise<Receipt> {
    const { envelope } = outgoing;
    const receipt = await reported(envelope, seam.enqueue(outgoing));
    if (receipt.duplicateOf === undefined) emitEnqueued(envelope, receipt.stored);
    return receipt;
  }

  async function storeIn(transaction: unknown, outgoing: Outgoing): Promise<Receipt> {
    const { envelope } = outgoing;
    const receipt = await reported(envelope, seam.enqueueIn(transaction, outgoing));
    if (receipt.duplicateOf === undefined) emitEnqueued(envelope, receipt.stored && "on_commit");
    return receipt;
  }

  /** Jobs without a unique key have no conflict to report, and most with one have none. */
  async function reported(envelope: Envelope, storing: Promise<Receipt>): Promise<Receipt> {
    if (envelope.dedupe === undefined) return storing;
    const receipt = await storing.catch(() => null);
    if (receipt && receipt.duplicateOf === undefined && receipt.replaced === undefined) return receipt;
    reports ??= await import("./report-duplicate.ts");
    return reports.reportDuplicate(events, labelOf(envelope), storing);
  }

  /** `sized` is called with the length of the body each time it is made. */
  async function enqueueBy(
    storeBy: Store,
    job: JobDefinition | string,
    payload: unknown,
    options: EnqueueOptions = {},
    sized?: (length: number) => void,
  ): Promise<Receipt> {
    const definition = definitionOf(job, settings);
    const type = typeof job === "string" ? job : job.type;
    settings.checkOptions(options, type);
    const sent = argsOf(definition ?? { type, positional: false, schema: null }, payload);
    const args = sent instanceof Promise ? await sent : sent;
    if (definition !== null) events.types.add(type);
    if (definition?.schema) await validatePayload(definition, args);
    const parts = hasParts(options, definition)
      ? await loadedParts({ type, definition, options, payload, args })
      : { ...NO_PARTS, options, nowMs: wallMs() };
    const envelope = envelopeFor(type, definition, args, settings.source, parts);
    const pack: Outgoing["pack"] = (written) => makeMessage(written, sign, sized);
    // With an id of the caller's own, equal calls make equal bytes, whatever the trace they are made in.
    const receipt = await storeBy({ envelope, pack, mayCarryTrace: options.id === undefined, maxBodyBytes });
    if (definition === null) emitUnknown(envelope);
    return receipt;
  }

  function emitEnqueued(envelope: Envelope, stored: WaybillEvents["enqueued"]["stored"]): void {
    if (events.has("enqueued")) events.emit("enqueued", { ...labelOf(envelope), stored });
  }

  function emitUnknown(envelope: Envelope): void {
    if (known !== null) events.emit("unknown_type", labelOf(envelope));
  }

  return {
    enqueue: (job, payload, options) => enqueueBy(store, job, payload, options),
    async enqueueBody(given, beside) {
      const { readGivenBody } = await import("./given-body.ts");
      const { envelope, body, signature } = await readGivenBody(given, beside);
      const pack: Outgoing["pack"] = () => messageOf(envelope, body, signature);
      // `maxBodyBytes` limits what is made here; the spec's own limit has been checked.
      const receipt = await store({ envelope, pack, mayCarryTrace: false, maxBodyBytes: Infinity });
      if (known !== null && !known.has(envelope.type)) emitUnknown(envelope);
      return receipt;
    },
    enqueueBy,
    store,
    async enqueueIn(transaction, job, payload, options) {
      if (typeof job !== "string") assertDefinition(job, "the job of enqueueIn(transaction, job, payload)");
      return enqueueBy((outgoing) => storeIn(transaction, outgoing), job, payload, options);
    },
    /** Loaded when it is first called: a program that enqueues one by one does without it. */
    enqueueMany: async (source, listener) => (await import("./enqueue-many.ts")).enqueueMany(source, listener, bulk),
  };
}

const labelOf = ({ id, type, queue = defaults.queue }: Envelope): JobLabel => ({ id, type, queue });

const NO_PARTS = { runAtMs: null, expiresAtMs: null, timeout: null, limits: null, dedupe: null, retry: null } as const;
const RARE_OPTIONS = ["delay", "runAt", "expiresIn", "expiresAt", "timeout", "retry", "unique"] as const;

/** Whether the envelope has a part that few have. */
function hasParts(options: EnqueueOptions, definition: JobDefinition | null): boolean {
  if (typeof options.id === "object" || RARE_OPTIONS.some((name) => options[name] !== undefined)) return true;
  return definition !== null && (definition.limits.length > 0 || definition.unique !== null);
}

/** Loaded by the first job that needs them. Each `import` resolves the file anew, which costs as much as the rest of an enqueue. */
let loaded: { envelopeParts(call: CheckedCall): EnvelopeParts } | null = null;
let reports: typeof import("./report-duplicate.ts") | null = null;

async function loadedParts(call: CheckedCall): Promise<EnvelopeParts> {
  loaded ??= await import("./envelope-parts.ts");
  return loaded.envelopeParts(call);
}
