import type { Answer, Message, Receipt, Signature } from "./backend.ts";
import { enqueueError } from "./certainty.ts";
import { assertDefinition } from "./check-definition.ts";
import type { JobDefinition } from "./define-job.ts";
import type { BulkSettings, EnqueueCounts, EnqueueListener } from "./enqueue-many.ts";
import type { EnqueueItem, EnqueueOptions } from "./enqueue-options.ts";
import { defaults, type Envelope, type IdParts, writeEnvelope } from "./envelope/index.ts";
import { WaybillError } from "./errors.ts";
import type { EventBus, JobLabel, WaybillEvents } from "./events.ts";
import { WINDOW_BYTES } from "./gather.ts";
import { envelopeFor } from "./make-envelope.ts";
import { messageOf } from "./message.ts";
import { argsOf, validatePayload } from "./payload.ts";
import type { ProducerSeam } from "./producer-seam.ts";
import { demand } from "./registry.ts";
import type { Pack, TracedSend } from "./traced-send.ts";

export interface ProducerSettings {
  readonly seam: ProducerSeam;
  readonly events: EventBus;
  /** Definitions by type, for jobs given by name; null when no registry was handed over. */
  readonly known: ReadonlyMap<string, JobDefinition> | null;
  readonly source: string | null;
  readonly maxBodyBytes: number;
  readonly production: boolean;
  /** Makes the signature of one job, now. Null: jobs are not signed. */
  readonly sign: ((id: string, body: string) => Signature) | null;
  /** Null: nobody traces or counts. */
  readonly tracedSend: TracedSend | null;
  readonly enqueueTimeoutMs: number;
}

/** What a producer enqueues by, as it is written; how it is called, `Producer` says. */
export interface EnqueueCalls {
  enqueue(job: JobDefinition | string, payload: unknown, options?: EnqueueOptions): Promise<Receipt>;
  enqueueMany(source: unknown, told?: EnqueueListener<EnqueueItem>): Promise<Answer<Receipt>[] | EnqueueCounts>;
  enqueueBody(body: string, signature: Signature | null): Promise<Receipt>;
  enqueueIn(
    transaction: unknown,
    job: JobDefinition | string,
    payload: unknown,
    options?: EnqueueOptions,
  ): Promise<Receipt>;
}

export function createProducer(settings: ProducerSettings): EnqueueCalls {
  const { seam, events } = settings;
  const { capabilities } = seam;
  const bulk: BulkSettings = {
    capabilities,
    windowBytes: WINDOW_BYTES,
    timeoutMs: settings.enqueueTimeoutMs,
    async enqueue(item, sized) {
      if (typeof item !== "object" || item === null) throw noItem(item);
      const { job, payload, options } = item;
      const store = (message: Message): Promise<Receipt> => {
        sized(message.body.length);
        return enqueueGathered(message);
      };
      return enqueueBy(store, job, payload, options);
    },
  };

  /** A timeout, or a lost connection, says whether anything can be stored. */
  async function enqueueGathered(message: Message): Promise<Receipt> {
    let receipt: Receipt;
    try {
      receipt = await seam.enqueue(message);
    } catch (thrown) {
      throw enqueueError(thrown, message.id, capabilities.uniqueIds);
    }
    tellEnqueued(message, receipt.stored);
    return receipt;
  }

  async function enqueueBy(
    store: (message: Message) => Promise<Receipt>,
    job: JobDefinition | string,
    payload: unknown,
    options: EnqueueOptions = {},
  ): Promise<Receipt> {
    const definition = typeof job === "string" ? lookUp(job, settings) : listed(job, settings);
    const type = typeof job === "string" ? job : job.type;
    const args = argsOf({ type, positional: definition?.positional ?? false }, payload);
    if (definition !== null) events.types.add(type);
    if (definition?.schema) await validatePayload(definition, args);
    const { id } = options;
    const whole = typeof id === "object" && id !== null ? await deriveId(options, id, type) : options;
    const envelope = envelopeFor(type, definition, args, whole, settings.source);
    // With an id of the caller's own, equal calls make equal bytes, whatever the trace they are made in.
    const mayCarry = id === undefined;
    const receipt = await send(store, envelope, mayCarry, (traced) => packed(traced, settings));
    if (definition === null) tellUnknown(envelope);
    return receipt;
  }

  /** Stores what `pack` makes of the envelope; where anybody traces, within a trace that `mayCarry` lets travel with it. */
  async function send(
    store: (message: Message) => Promise<Receipt>,
    envelope: Envelope,
    mayCarry: boolean,
    pack: Pack,
  ): Promise<Receipt> {
    const { tracedSend } = settings;
    if (tracedSend === null) {
      const message = pack(envelope);
      return store(message instanceof Promise ? await message : message);
    }
    return tracedSend(labelOf(envelope), envelope, mayCarry, pack, store);
  }

  async function storeIn(transaction: unknown, message: Message): Promise<Receipt> {
    const receipt = await seam.enqueueIn(transaction, message);
    tellEnqueued(message, receipt.stored && "on_commit");
    return receipt;
  }

  function tellEnqueued(message: Message, stored: WaybillEvents["enqueued"]["stored"]): void {
    if (events.has("enqueued")) events.emit("enqueued", { ...labelOf(message), stored });
  }

  function tellUnknown(envelope: Envelope): void {
    if (settings.known !== null) events.emit("unknown_type", labelOf(envelope));
  }

  const enqueue: EnqueueCalls["enqueue"] = (job, payload, options) => enqueueBy(enqueueGathered, job, payload, options);

  return {
    enqueue,
    async enqueueBody(body, signature) {
      const envelope = (await reading()).parseEnvelope(body);
      // `maxBodyBytes` is for what is made here; the spec's own limit has been checked.
      const foreign = { ...settings, maxBodyBytes: Infinity };
      const pack = (): Message => messageFor(envelope, body, signature, foreign);
      const receipt = await send(enqueueGathered, envelope, false, pack);
      if (settings.known !== null && !settings.known.has(envelope.type)) tellUnknown(envelope);
      return receipt;
    },
    enqueueIn: (transaction, job, payload, options) =>
      enqueueBy((message) => storeIn(transaction, message), job, payload, options),
    /** Loaded when it is first called: what enqueues one by one does without it. */
    enqueueMany: async (source, told) => (await import("./enqueue-many.ts")).enqueueMany(source, told, bulk),
  };
}

const labelOf = ({ id, type, queue = defaults.queue }: Envelope | Message): JobLabel => ({ id, type, queue });

/** A definition that is not among `jobs` was never judged against the backend, and no worker of this program runs it. */
function listed(job: JobDefinition, settings: ProducerSettings): JobDefinition {
  assertDefinition(job, "the job to enqueue");
  if (settings.known !== null && !settings.known.has(job.type) && !settings.production) throw unknownType(job.type);
  return job;
}

/** Loaded when an id is derived: most jobs get a fresh one. */
async function deriveId(options: EnqueueOptions, parts: IdParts, type: string): Promise<EnqueueOptions> {
  const { withDerivedId } = await import("./derive-id.ts");
  return withDerivedId(options, parts, type);
}

/** In production an unknown type is stored and counted: a newer worker may know it. Elsewhere it is a mistake. */
function lookUp(type: string, settings: ProducerSettings): JobDefinition | null {
  if (settings.known === null) return null;
  const definition = settings.known.get(type);
  if (definition === undefined && !settings.production) throw unknownType(type);
  return definition ?? null;
}

/** A promise only for the rare text that a reader has to judge. */
function packed(envelope: Envelope, settings: ProducerSettings): Message | Promise<Message> {
  const { body, isJudged } = writeEnvelope(envelope);
  if (isJudged) return signed(envelope, body, settings);
  return reading().then(({ parseEnvelope }) => {
    parseEnvelope(body);
    return signed(envelope, body, settings);
  });
}

/** Loaded when a text has to be read: those that are made here hardly ever do. */
function reading(): Promise<typeof import("./envelope/parse.ts")> {
  return (reader ??= import("./envelope/parse.ts"));
}
let reader: Promise<typeof import("./envelope/parse.ts")> | null = null;

function signed(envelope: Envelope, body: string, settings: ProducerSettings): Message {
  const signature = settings.sign === null ? null : settings.sign(envelope.id, body);
  return messageFor(envelope, body, signature, settings);
}

function noItem(item: unknown): WaybillError {
  return new WaybillError(
    "CONFIG_INVALID",
    `an item of enqueueMany is { job, payload }, got ${item === null ? "null" : typeof item}`,
  );
}

/** A payload given by type name carries no schema; that the name is known is all that can be asked of it. */
function unknownType(type: string): WaybillError {
  return new WaybillError(
    "JOB_UNKNOWN",
    `no job of type "${type}" is registered here; pass its definition to connect({ jobs }), or leave the registry out`,
  );
}

function messageFor(
  envelope: Envelope,
  body: string,
  signature: Signature | null,
  settings: ProducerSettings,
): Message {
  const { capabilities } = settings.seam;
  const least = Math.min(settings.maxBodyBytes, capabilities.maxBodyBytes);
  const bytes = body.length * 3 > least ? Buffer.byteLength(body) : 0;
  const asker = `job "${envelope.id}" of type "${envelope.type}"`;
  if (bytes > settings.maxBodyBytes) {
    const wayOut = `store the data elsewhere and enqueue a reference; the limit is ${settings.maxBodyBytes} bytes`;
    throw new WaybillError("CAPABILITY_MISSING", `${asker} has ${bytes} bytes: ${wayOut}`);
  }
  if (bytes > 0) demand({ kind: "bodyBytes", bytes }, capabilities, asker);
  if (envelope.priority) demand({ kind: "priority" }, capabilities, asker);
  const message = messageOf(envelope, body, signature);
  if (message.delayMs === 0) return message;
  demand({ kind: "delay", delayMs: message.delayMs }, capabilities, asker);
  return { ...message, delayMs: Math.min(message.delayMs, capabilities.maxDelayMs) };
}
