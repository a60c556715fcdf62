/** What `JSON.parse` can give. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * One job as it travels: the producer's form and the stored form are the same, and nobody edits it after that.
 * Field names are the wire's. An absent field is absent here too: nothing is filled in by reading.
 */
export interface Envelope {
  /** Names this format and its major version. */
  readonly spec: "waybill/1";
  /** The job's identity: a UUID in lower case. */
  readonly id: string;
  /** Which handler runs it: "mail.album_ready". At most 128 characters. */
  readonly type: string;
  /** Where it waits. Absent: "default". At most 63 characters. */
  readonly queue?: string;
  /** The handler's input. By convention one object, which TypeScript calls the payload. */
  readonly args: readonly JsonValue[];
  /** When the producer made it, by the producer's clock. RFC 3339. */
  readonly created_at?: string;
  /** Who made it: a URI reference. */
  readonly source?: string;
  /** Not run before this time. RFC 3339. */
  readonly scheduled_at?: string;
  /** Not started at or after this time; later than `scheduled_at`. RFC 3339. */
  readonly expires_at?: string;
  /** −100 to 100, higher first. Absent: 0. */
  readonly priority?: number;
  /** Whole seconds one run may take, 1 to 604,800. Absent: the worker decides. */
  readonly timeout?: number;
  /** How often and how soon to try again. */
  readonly retry?: EnvelopeRetry;
  /** Asks that equal jobs be stored once. */
  readonly dedupe?: EnvelopeDedupe;
  /** URI of a schema for `args`. A hint for people and tools; never fetched. */
  readonly schema?: string;
  /** What belongs to the job and not to the handler: tenant, trace, payload version. At most 16 KiB. */
  readonly meta?: EnvelopeMeta;
  /** Top-level fields that a reader must understand or refuse the job. */
  readonly crit?: readonly string[];
  /** "1.0" on an envelope that is also an Open Job Spec job. We never write it. */
  readonly specversion?: "1.0";
  /** Extensions, and fields of a later 1.x: kept and ignored. */
  readonly [extension: `x_${string}`]: JsonValue;
}

/** Member by member, what is absent comes from the worker's definition, else from the defaults. Closed. */
export interface EnvelopeRetry {
  /** Runs in all, the first included: 1 to 100. */
  readonly max_attempts?: number;
  /** The wait after the first failure: "PT5S". */
  readonly initial_interval?: string;
  /** Each wait is this many times the one before; at least 1. */
  readonly backoff_coefficient?: number;
  /** No wait is longer: "PT1H". */
  readonly max_interval?: string;
  /** Spreads each wait over half to one and a half times its length. */
  readonly jitter?: boolean;
  /** Error codes or names that end the job at once; "payment.*" covers what begins with "payment.". */
  readonly non_retryable_errors?: readonly string[];
  /** What becomes of the job after its last attempt. */
  readonly on_exhaustion?: "dead_letter" | "discard";
}

/** Equal means the same type and the same key. Closed. */
export interface EnvelopeDedupe {
  /** 1 to 255 characters. */
  readonly key: string;
  /** How long the key is taken. Absent: while the job is unfinished. */
  readonly for?: string;
  /** What a second job with the key meets. Absent: "reject". */
  readonly on_conflict?: "reject" | "ignore" | "replace";
}

/** Keys are `^[a-z][a-z0-9_.-]{0,63}$`; values are any JSON, except for the two below. */
export interface EnvelopeMeta {
  /** Whose job it is: 1 to 128 characters. */
  readonly tenant_id?: string;
  /** Which form the payload has: 1 to 2,147,483,647. Absent: 1. */
  readonly payload_version?: number;
  readonly [key: string]: JsonValue | undefined;
}
