import type { RetainFinished } from "@waybill/core/backend";
import type { Pool } from "pg";

/** Where the database is, and how it is used. A URL may carry them too. */
export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`, with parameters of `pg` such as `?sslmode=verify-full`. */
  readonly url: string | undefined;
  /** A pool to use instead of one of waybill's. It stays open when the backend closes. `url` is needed too, to listen. */
  readonly pool?: Pool | undefined;
  /** The schema of waybill's tables, which nothing else may use. Default "waybill". */
  readonly schema?: string | undefined;
  /** The most connections that this process opens, the listening one included. At least 2. Default 4. */
  readonly connections?: number | undefined;
  /**
   * The URL at which to listen for notifications, past a pooler that loses them. "off" never listens. Default: `url`, if a
   * trial at the start shows that notifications arrive; otherwise waiting workers poll.
   */
  readonly listen?: string | undefined;
  /** Milliseconds between two looks of a waiting worker where it cannot listen. Default 50. */
  readonly pollMs?: number | undefined;
  /** Whether to bring the schema up to date when the backend opens. Default true. If false, run `migrate(url)` before. */
  readonly migrate?: boolean | undefined;
  /** Which finished jobs are remembered. Default: a day, at most 10,000. */
  readonly retainFinished?: RetainFinished | undefined;
}
