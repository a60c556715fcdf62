/** Any value that `JSON.parse` can return. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * One job as JSON. The producer's form and the stored form are the same, and an envelope is never edited. Field names
 * are those of the wire format. An absent field stays absent: parsing adds no defaults.
 */
export interface Envelope {
  /** Names this format and its major version. */
  readonly spec: "waybill/1";
  /** The job's identity: a UUID in lower case. */
  readonly id: string;
  /** Names the handler: "mail.album_ready". At most 128 characters. */
  readonly type: string;
  /** The queue in which the job waits. Omitted: "default". At most 63 characters. */
  readonly queue?: string;
  /** The handler's input. By convention one object, which TypeScript calls the payload. */
  readonly args: readonly JsonValue[];
  /** When the producer made the job, by the producer's clock. RFC 3339. */
  readonly created_at?: string;
  /** The program that made the job: a URI reference. */
  readonly source?: string;
  /** The job does not start before this time. RFC 3339. */
  readonly scheduled_at?: string;
  /** The job does not start at or after this time, which is later than `scheduled_at`. RFC 3339. */
  readonly expires_at?: string;
  /** −100 to 100, higher first. Omitted: 0. */
  readonly priority?: number;
  /** The seconds that one run may take, an integer from 1 to 604,800. Omitted: the worker decides. */
  readonly timeout?: number;
  /** How often and how soon to try again. */
  readonly retry?: EnvelopeRetry;
  /** Asks that equal jobs are stored once. */
  readonly dedupe?: EnvelopeDedupe;
  /** The URI of a schema for `args`. Information for people and tools; never fetched. */
  readonly schema?: string;
  /** Data about the job that is not input of the handler: tenant, trace, payload version. At most 16 KiB. */
  readonly meta?: EnvelopeMeta;
  /** Top-level fields that a reader must understand; a reader that does not must refuse the job. */
  readonly crit?: readonly string[];
  /** "1.0" on an envelope that is also an Open Job Spec job. waybill never writes it. */
  readonly specversion?: "1.0";
  /** Extensions and fields of a later 1.x, which are kept and ignored. */
  readonly [extension: `x_${string}`]: JsonValue;
}

/**
 * How a failed job is retried. An absent member comes from the worker's definition, else from the defaults. Other
 * members are refused.
 */
export interface EnvelopeRetry {
  /** The number of runs, the first included: 1 to 100. */
  readonly max_attempts?: number;
  /** The wait after the first failure: "PT5S". */
  readonly initial_interval?: string;
  /** Each wait is this many times the one before; at least 1. */
  readonly backoff_coefficient?: number;
  /** No wait is longer: "PT1H". */
  readonly max_interval?: string;
  /** Spreads each wait over half to one and a half times its length. */
  readonly jitter?: boolean;
  /** Error codes or names that end the job at once; "payment.*" matches every code that begins with "payment.". */
  readonly non_retryable_errors?: readonly string[];
  /** What becomes of the job after its last attempt. */
  readonly on_exhaustion?: "dead_letter" | "discard";
}

/** Two jobs are equal when their type and their key are. Other members are refused. */
export interface EnvelopeDedupe {
  /** 1 to 255 characters. */
  readonly key: string;
  /** "start": the key is taken until the job first starts. Not together with `for`. Omitted: until the job has ended, or as `for` says. */
  readonly until?: "start";
  /** How long the key is taken, from the enqueue. Omitted: as `until` says. */
  readonly for?: string;
  /** What happens to a second job with the key. Omitted: "reject". */
  readonly on_conflict?: "reject" | "ignore" | "replace";
}

/** Keys are `^[a-z][a-z0-9_.-]{0,63}$`; values are any JSON, except for those below. */
export interface EnvelopeMeta {
  /** The tenant that the job belongs to: 1 to 128 characters. */
  readonly tenant_id?: string;
  /** The version of the payload's form: 1 to 2,147,483,647. Omitted: 1. */
  readonly payload_version?: number;
  /** The keys that the job counts under, by the names of limits: 1 to 4 names, keys of 1 to 255 characters. Omitted: none. */
  readonly limits?: { readonly [name: string]: string };
  readonly [key: string]: JsonValue | undefined;
}
