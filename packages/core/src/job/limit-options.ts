/** Which jobs count together under a limit. */
interface LimitKey<Payload> {
  /**
   * The name of the limit. Definitions whose limits have the same name share its keys. 1 to 140 lower-case letters, digits and
   * `_ . - #`, beginning with a letter. Default: the job's type; `type#2` for its second limit, and so on.
   */
  readonly name?: string | undefined;
  /**
   * The key that the job counts under: a text, or a function of the payload as it is enqueued. 1 to 255 characters. Computed once,
   * at enqueue. Omitted: all jobs of the limit count together.
   */
  readonly key?: string | LimitKeyFunction<Payload>["of"] | undefined;
}

/** As a method, whose type lets definitions with different payloads stand in one list. */
interface LimitKeyFunction<Payload> {
  of(payload: Payload): string;
}

/** The most jobs of one key that run at once, over all workers. */
export interface ConcurrencyLimit<Payload = unknown> extends LimitKey<Payload> {
  /** From 1 to 10,000. */
  readonly concurrency: number;
  /** Always omitted: a limit has one number. */
  readonly rate?: undefined;
  /** Always omitted: it belongs to a rate. */
  readonly burst?: undefined;
}

/** How often jobs of one key start, over all workers. */
export interface RateLimit<Payload = unknown> extends LimitKey<Payload> {
  /** Starts in a period: `"100/1s"`, `"5/1m"`. Evenly spread over it. */
  readonly rate: string;
  /**
   * How many jobs may start at once after a pause, from 1. In any period no more than `rate` and `burst` together start. Default 1.
   */
  readonly burst?: number | undefined;
  /** Always omitted: a limit has one number. */
  readonly concurrency?: undefined;
}

/** A limit on the jobs of a definition. */
export type JobLimit<Payload = unknown> = ConcurrencyLimit<Payload> | RateLimit<Payload>;

/** The number of a limit: how many run at once, or how many start in a period. */
export type LimitNumber =
  | { readonly kind: "concurrency"; readonly most: number }
  | { readonly kind: "rate"; readonly count: number; readonly perMs: number; readonly burst: number };

/** A limit with its name and its number. */
export interface DefinedLimit {
  readonly name: string;
  readonly number: LimitNumber;
  /** Null: all jobs of the limit have one key. */
  readonly key: string | ((payload: unknown) => string) | null;
}
