import type { JobDefinition } from "../job/job-definition.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";
import { WaybillError } from "../errors.ts";
import type { EnqueueOptions } from "../producer/enqueue-options.ts";
import type { ForeignJob } from "./job-source.ts";

/** What a job of another system becomes. */
export interface MappedJob {
  /** A definition, or the name of a type, whose payload is then checked only where it runs. */
  readonly job: JobDefinition | string;
  readonly payload: unknown;
  /**
   * Members come before those that are made from the other system's job: `id`, `runAt`, `priority`, `retry`, and `unique: false`. Absent:
   * those alone.
   */
  readonly options?: EnqueueOptions;
}

/** Options of `importJobs`. */
export interface ImportOptions {
  /** Called with each job, more than once. Returns what it becomes; null for a job that stays where it is. */
  readonly map: (job: ForeignJob) => MappedJob | null;
  /**
   * What becomes of jobs that have failed for good. "leave": they stay in the other system. "dead_letter": they become dead letters of
   * a queue of their own, the job's with `.failed` after its name. Default "leave".
   */
  readonly failed?: "leave" | "dead_letter" | undefined;
  /** Goes on with new jobs as they come, until this signal aborts. Default: ends once nothing is left but what stays. */
  readonly follow?: AbortSignal | undefined;
}

const IMPORT_OPTIONS: OptionNames<ImportOptions> = { map: true, failed: true, follow: true };

/** What `importJobs` has done. */
export interface ImportReport {
  /** The number of jobs that were stored. Dead letters are not counted. */
  readonly moved: number;
  /** The number of failed jobs that became dead letters. */
  readonly dead: number;
  /** The number of jobs that an earlier run had stored and not yet removed. */
  readonly storedBefore: number;
  /** The jobs that stayed in the other system, as the last look found them, or set aside there, each with the reason in one sentence. */
  readonly left: readonly { readonly id: string; readonly name: string; readonly why: string }[];
}

/** Throws `CONFIG_INVALID` for options that cannot work. */
export function assertImportOptions(options: ImportOptions): void {
  assertKnownOptions(options, IMPORT_OPTIONS, "the options of importJobs");
  const { map, failed = "leave" } = options;
  if (typeof map !== "function") throw refuse(`map of importJobs is ${describeValue(map)}: pass a function of (job)`);
  if (failed !== "leave" && failed !== "dead_letter")
    throw refuse(`failed of importJobs is ${describeValue(failed)}: "leave" or "dead_letter"`);
}

const refuse = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
