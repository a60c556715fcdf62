import type { Handler, JobDefinition } from "./define-job.ts";
import { type Duration, durationMs } from "./duration.ts";
import { assertKnownOptions, type OptionNames } from "./known-options.ts";

/** Not a type's name, which has no asterisk. */
export const ANY_TYPE = "*";

/** How jobs of any type are handed on. */
export interface AnyJobOptions {
  /** Longest one run may take. Default "15m". The envelope's own timeout is for whoever runs the job. */
  readonly timeout?: Duration;
  /** Gets whatever the payload is, unchecked. */
  readonly handler: Handler<unknown>;
}

const ANY_JOB_OPTIONS: OptionNames<AnyJobOptions> = { timeout: true, handler: true };

/**
 * A definition for every type that no other one names, for programs that hand jobs on instead of running them.
 * Payload, version, timeout and retries are judged where the job runs: throw `RanElsewhere` with what was decided
 * there. Throws `CONFIG_INVALID` for what is no duration.
 */
export function anyJob(options: AnyJobOptions): JobDefinition {
  assertKnownOptions(options, ANY_JOB_OPTIONS, "the options of anyJob");
  const { timeout = "15m", handler } = options;
  const timeoutMs = durationMs(timeout, "timeout of a job of any type");
  return {
    type: ANY_TYPE,
    schema: null,
    positional: false,
    queue: "default",
    retry: {},
    errors: [],
    timeoutMs,
    deadlineMs: null,
    version: Infinity,
    upcasters: {},
    handler,
  };
}
