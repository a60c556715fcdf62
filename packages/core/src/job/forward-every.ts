import type { Handler, JobDefinition } from "./job-definition.ts";
import { type Duration, durationMs } from "../time/duration.ts";
import { assertKnownOptions, type OptionNames } from "../known-options.ts";

/** Stands for every type. It is no valid type name, since none has an asterisk. */
export const ANY_TYPE = "*";

/** Options for a job that stands for every type. */
export interface ForwardOptions {
  /** Longest run of the handler. Default "15m". The envelope's own timeout applies where the job runs. */
  readonly timeout?: Duration | undefined;
  /** Called with the payload, unchecked. */
  readonly handler: Handler<unknown>;
}

const ANY_JOB_OPTIONS: OptionNames<ForwardOptions> = { timeout: true, handler: true };

/**
 * Returns a definition for every type that no other definition names, for programs that forward jobs instead of running
 * them. Payload, version, timeout and retries are checked where the job runs. The handler throws `Forwarded` with the outcome
 * from there. Throws `CONFIG_INVALID` for an invalid timeout.
 */
export function forwardEvery(options: ForwardOptions): JobDefinition {
  assertKnownOptions(options, ANY_JOB_OPTIONS, "the options of forwardEvery");
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
    unique: null,
    version: Infinity,
    upcasters: {},
    limits: [],
    handler,
  };
}
